"""Times rnnfast against the peers that are installed: one process, the same threads, rounds interleaved.

    python benchmarks/peers.py [--threads 2] [--seconds 3] [--cases 32,30,50,5 ...] [--peers torch jax] [--json FILE]

A contender's result is compared with the float64 reference before it is timed; one that is wrong is shown as wrong.
The ratio is that of the fastest peer's median to rnnfast's.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

import rnnfast
from rnnfast.bench.cases import PEER_CASES, Case
from rnnfast.bench.peers import PEERS, installed
from rnnfast.bench.timing import interleave, medians
from rnnfast.reference import rnn_backward, rnn_forward
from rnnfast.typing import Array

# Of the norm of the right result: a wrong one is off by its own size. Rounding alone comes to 1e-6, but for relu, whose
# derivative jumps: of the largest case's pre-activations so many round to the other side of 0 that every contender's
# gradients are off by 1e-3. For the same reason there is no bound on each element.
TOLERANCE = 1e-2


def main() -> None:
    options = parse()
    lacking = {name: what for name, what in installed().items() if what and name in options.peers}
    for name, what in lacking.items():
        print(f"{name}: left out, not installed: {what}")
    names = ["rnnfast", *(name for name in options.peers if name not in lacking)]
    versions = {name: importlib.metadata.version(name) for name in names}
    isa = rnnfast.isa()
    print(
        f"{platform.processor() or platform.machine()}, {isa}, {os.cpu_count()} processors, {options.threads} threads"
    )
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    results = [measure(case, names, options) for case in options.cases]
    if options.json:
        record = {"isa": isa, "threads": options.threads, "versions": versions, "results": results}
        beside = options.json.with_suffix(".part")
        beside.write_text(json.dumps(record, indent=1))
        beside.replace(options.json)


def measure(case: Case, names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Checks and times one case, prints its lines and returns them."""
    arrays = case.arrays()
    contenders = {name: PEERS[name][1](case, arrays, options.threads) for name in names}
    expected = expectation(case, arrays)
    result: dict[str, Any] = {"case": str(case), "gflop": case.forward_flops / 1e9}
    for what, select in (("forward", lambda peer: peer.forward), ("forward+backward", lambda peer: peer.training)):
        run = {name: select(peer) for name, peer in contenders.items() if select(peer) is not None}
        wrong = [name for name, call in run.items() if not agrees(call(), expected)]
        times = medians(interleave({n: c for n, c in run.items() if n not in wrong}, seconds=options.seconds))
        line = "  ".join(f"{name} {time * 1e6:10,.0f}" for name, time in times.items())
        best = min((time for name, time in times.items() if name != "rnnfast"), default=float("nan"))
        ratio = best / times.get("rnnfast", float("nan"))
        print(
            f"{case!s:24} {what:17} µs: {line}  ratio {ratio:5.2f}{''.join(f'  {n} WRONG' for n in wrong)}", flush=True
        )
        result[what] = {"seconds": times, "ratio": ratio, "wrong": wrong}
    return result


def expectation(case: Case, arrays: dict[str, Array]) -> tuple[Array, ...]:
    """y, dx, dw_ih, dw_hh in float64."""
    x, w_ih, w_hh, b, dy = (array.astype(np.float64) for array in arrays.values())
    y, _ = rnn_forward(x, w_ih, w_hh, b, activation=case.activation)
    grads = rnn_backward(dy, x, y, w_ih, w_hh, activation=case.activation)
    return y, grads.dx, grads.dw_ih, grads.dw_hh


def agrees(result: Any, expected: tuple[Array, ...]) -> bool:
    """Whether y, or y and the gradients, are right."""
    given = result if isinstance(result, tuple) else (result,)
    return all(
        np.linalg.norm(np.asarray(a) - b) <= TOLERANCE * np.linalg.norm(b)
        for a, b in zip(given, expected, strict=False)
    )


def parse() -> argparse.Namespace:
    def case(text: str) -> Case:
        sizes, _, activation = text.partition(":")
        batch, seq_len, input_size, hidden_size = (int(size) for size in sizes.split(","))
        return Case(batch, seq_len, input_size, hidden_size, activation or "tanh")

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each case and direction")
    parser.add_argument("--cases", type=case, nargs="+", default=PEER_CASES, metavar="B,T,I,H[:activation]")
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=[name for name in PEERS if name != "rnnfast"],
        default=[name for name in PEERS if name != "rnnfast"],
    )
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    # XLA reads its thread count from the processors it may use; the others are told.
    threads = parse().threads
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))
    sys.exit(main())
