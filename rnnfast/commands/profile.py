"""Say where the time of a problem goes: every kernel by phase and thread, against what the machine can do.

Forward, and with --backward the way back too. Time by phase (packing, input projection, recurrence, activation,
gradients, waiting), rates against the measured peaks, and what holds each phase (docs/profiling.md). With --backend
cupy that of the GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import rnnfast
from rnnfast.commands.options import BadOption, add_problem, backend_of, file, number, problem_of, require, size
from rnnfast.problem import DTYPES, Problem
from rnnfast.profiler.passes import DIRECTIONS, PassProfile
from rnnfast.profiler.report import Report

BACKENDS = ("cpu", "cupy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The problem, what of it, and where results go."""
    add_problem(parser, DTYPES)
    parser.add_argument(
        "--backend", type=backend_of(*BACKENDS), default="cpu", help="whose kernels: cpu, or cupy on a GPU"
    )
    parser.add_argument("--variant", help="this kernel alone, or auto; every one that takes the problem if absent")
    parser.add_argument("--backward", action="store_true", help="profile the backward pass, too")
    parser.add_argument("--threads", type=size, default=rnnfast.get_num_threads(), help="the most that a call may use")
    parser.add_argument("--seconds", type=number(0, above=True), default=1.0, help="for each pass of each kernel")
    parser.add_argument("--json", type=file, metavar="FILE", help="write the results there")
    parser.add_argument("--html", type=file, metavar="FILE", help="write a page with plots and tables there")
    parser.add_argument("--trace", type=file, metavar="FILE", help="write a Chrome trace of a call of each pass there")


def run(arguments: argparse.Namespace) -> None:
    """Profiles, prints, writes."""
    require("rich", *(["matplotlib"] if arguments.html else []))
    from rnnfast.profiler import printing

    before = rnnfast.get_num_threads()
    rnnfast.set_num_threads(arguments.threads)
    try:
        report = _report(arguments)
    finally:
        rnnfast.set_num_threads(before)
    printing.report(report)
    for path in filter(None, (arguments.json, arguments.html, arguments.trace)):
        path.parent.mkdir(parents=True, exist_ok=True)
    if arguments.json:
        report.write_json(arguments.json)
        print(f"Results: {arguments.json}")
    if arguments.trace:
        report.write_trace(arguments.trace)
        print(f"Trace: {arguments.trace} (ui.perfetto.dev or chrome://tracing)")
    if arguments.html:
        from rnnfast.profiler.page import write_page

        write_page(arguments.html, report)
        print(f"Page: {arguments.html}")


def _report(arguments: argparse.Namespace) -> Report:
    from rnnfast.profiler import bounds, counters, passes

    on_gpu = arguments.backend == "cupy"
    problem = Problem(**problem_of(arguments))
    directions = DIRECTIONS if arguments.backward else DIRECTIONS[:1]
    left_out: dict[str, str] = {}
    if arguments.variant:
        variants = [arguments.variant]
        try:
            passes.plan_for(problem, arguments.variant, arguments.backend)
        except (ValueError, RuntimeError) as error:
            raise BadOption(str(error)) from error
    else:
        reasons = passes.variants_for(problem, arguments.backend)
        variants = [name for name, reason in reasons.items() if reason is None]
        left_out = {name: reason for name, reason in reasons.items() if reason is not None}
    if on_gpu:
        from rnnfast.profiler import gpu_passes

        device = gpu_passes.current_device()
        peaks, profile_passes = gpu_passes.peaks(device, problem.arithmetic), gpu_passes.profile_passes
    else:
        peaks = bounds.measure(rnnfast.isa(), arguments.threads, problem.arithmetic)
        profile_passes = passes.profile_passes

    def profiled() -> Iterator[PassProfile]:
        for variant in variants:
            yield from profile_passes(problem, variant, directions, peaks=peaks, seconds=arguments.seconds)

    return Report(
        problem,
        arguments.threads,
        peaks,
        list(profiled()),
        None if on_gpu else counters.why_not(),
        passes.plan_for(problem, "auto", arguments.backend).explain(),
        left_out,
        device.name if on_gpu else None,
    )
