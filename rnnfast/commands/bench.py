"""Time rnnfast against the peers that are installed.

Suites of cases, every contender checked against the float64 reference before it is timed, the rounds of all of them
interleaved (docs/benchmarking.md). Ratios are times over rnnfast's: above 1 rnnfast is faster.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import rnnfast
from rnnfast.backends import REGISTRY
from rnnfast.bench import records
from rnnfast.bench.suites import SUITES
from rnnfast.commands import bench_print
from rnnfast.commands.options import BadOption, Failure, backend, file, folder, number, one_of, require, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    suites = ", ".join(f"{name} ({suite.about})" for name, suite in SUITES.items())
    run = parser.add_argument_group("what is timed")
    run.add_argument(
        "--suite", type=one_of(*SUITES), nargs="+", metavar="NAME", help=f"quick, or gpu for a backend there; {suites}"
    )
    run.add_argument(
        "--backend",
        type=backend,
        default="auto",
        help=f"auto (all that run here), {', '.join(REGISTRY)}: against its peers",
    )
    run.add_argument("--threads", type=size, default=rnnfast.get_num_threads(), help="of every contender")
    run.add_argument(
        "--seconds", type=number(0, above=True), help="for each case and pass, in place of the suite's own"
    )
    run.add_argument("--only", nargs="+", metavar="CONTENDER", help="rnnfast and these contenders alone")
    results = parser.add_argument_group("results")
    results.add_argument("--load", type=Path, metavar="FILE", help="the results of an earlier --json; nothing is timed")
    results.add_argument("--json", type=file, metavar="FILE", help="write the results there")
    results.add_argument("--compare", type=Path, metavar="FILE", help="say what changed since that earlier --json")
    results.add_argument("--report", type=folder, metavar="DIR", help="write a page with plots and tables there")
    results.add_argument("--save", action="store_true", help="add the results to this machine's history")
    results.add_argument("--history", action="store_true", help="plot this machine's history; nothing is timed")


def run(arguments: argparse.Namespace) -> None:
    """Times, or loads; then whatever is asked for."""
    require(*(["matplotlib"] if arguments.report or arguments.history else []))
    old = _read("--compare", arguments.compare) if arguments.compare else None
    if arguments.history:
        _history(arguments.report or Path("out"))
        return
    result = _read("--load", arguments.load) if arguments.load else _time(arguments)
    if arguments.load:
        for group in result.groups():
            bench_print.group(group)
    if arguments.json:
        records.write(arguments.json, result)
        print(f"Results: {arguments.json}")
    if arguments.save:
        from rnnfast.bench import history

        print(f"History: {history.append(result)}")
    if old is not None:
        bench_print.comparison_of(old, result)
    if arguments.report:
        from rnnfast.bench.report import write_report

        print(f"Report: {write_report(arguments.report, result)}")
    if result.settings.get("interrupted"):
        raise KeyboardInterrupt  # for the exit code, once all that was timed is kept


def _time(arguments: argparse.Namespace) -> records.Result:
    from rnnfast.bench import provenance
    from rnnfast.bench.crew import Crew
    from rnnfast.bench.peers import CHOSEN, contenders
    from rnnfast.bench.peers.own import on_gpu
    from rnnfast.bench.runner import Settings, run_suite

    known = contenders(arguments.backend)
    suites = arguments.suite or ["gpu" if on_gpu(arguments.backend) else "quick"]
    unknown = [name for name in arguments.only or () if name not in known]
    if unknown:
        reason = dict(rnnfast.backends()).get(unknown[0].partition("/")[0])
        if reason is not None:
            raise BadOption(f"--only: {unknown[0]!r} cannot run here: {reason}")
        raise BadOption(f"--only: expected some of {', '.join(known)}, got {unknown[0]!r}")
    wanted = {name: c for name, c in known.items() if not arguments.only or name in (CHOSEN, *arguments.only)}
    lacking = {name: missing for name, contender in wanted.items() if (missing := contender.missing())}
    present = {name: contender for name, contender in wanted.items() if name not in lacking}
    for name, missing in lacking.items():
        print(f"{name}: left out, not installed: {', '.join(missing)}")
    counts = sorted({1, *(2**k for k in range(1, 12) if 2**k < arguments.threads), arguments.threads})
    settings = Settings(arguments.threads, tuple(counts), arguments.seconds)
    machine = provenance.record(present.values(), arguments.threads)
    device = None if arguments.backend == "auto" else REGISTRY[arguments.backend].device_name()
    if device is not None:
        machine["device"] = device
    result = records.Result(
        machine,
        {
            "backend": arguments.backend,
            "threads": arguments.threads,
            "seconds": arguments.seconds,
            "suites": suites,
            "lacking": lacking,
        },
    )
    bench_print.machine(result)
    try:
        with Crew(arguments.backend) as crew:
            for name in suites:
                for group in run_suite(name, SUITES[name], present, settings, crew):
                    result.points += group
                    bench_print.group(group)
    except KeyboardInterrupt:
        if not result.points:
            raise
        result.settings["interrupted"] = True
    return result


def _read(option: str, path: Path) -> records.Result:
    try:
        return records.read(path)
    except ValueError as error:
        raise BadOption(f"{option}: {error}") from error


def _history(out: Path) -> None:
    from rnnfast.bench import history, provenance
    from rnnfast.bench.report import write_history

    path = history.path_for(provenance.identity())
    if not path.exists():
        raise Failure(f"{path}: no history of this machine yet; rnnfast bench --save begins one")
    print(f"History: {write_history(out, history.read(path))}")
