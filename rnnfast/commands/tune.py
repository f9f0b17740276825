"""Measure the kernel variants on this machine, so that plans choose by its own times.

Times every variant of the cpu backend on random problems, for the instruction set that is used (RNNFAST_ISA), fits the
prices of their work to the times, and keeps them in the user's cache, where plans find them. Half a minute; other work
on the machine spoils the measurement.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import rnnfast
from rnnfast.backends import cost
from rnnfast.commands.options import BadOption
from rnnfast.files import write_whole

FEWEST = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Those of `rnnfast tune`."""
    parser.add_argument("--problems", type=int, default=600, help=f"to measure, at least {FEWEST} (default: 600)")
    parser.add_argument("--seed", type=int, default=1, help="of the random problems (default: 1)")
    parser.add_argument("--output", type=Path, help="file to write in place of the one in the cache")


def run(arguments: argparse.Namespace) -> None:
    """Measures, fits, writes."""
    from rich.progress import track

    from rnnfast.bench import tuning

    if arguments.problems < FEWEST:
        raise BadOption(f"--problems: expected at least {FEWEST}, got {arguments.problems}")
    if arguments.seed < 0:
        raise BadOption(f"--seed: expected at least 0, got {arguments.seed}")
    isa = rnnfast.isa()
    problems = list(tuning.random_problems(arguments.problems, arguments.seed))
    measured = [tuning.measure(problem, isa) for problem in track(problems, description=f"{isa}: measuring")]
    prices = tuning.fit(measured, isa)
    path = arguments.output or cost.tuned_path(isa)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(prices, indent=1) + "\n").encode())
    for direction, share in tuning.near_best(measured, prices, isa).items():
        print(f"{direction}: the choice is within 15% of the best variant for {share:.0%} of them")
    print(f"written to {path}")
