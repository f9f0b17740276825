"""How time grows with the length of the sequence, and shrinks with threads.

    python benchmarks/scaling.py [--threads N] [--seconds 4]

Interleaved rounds in one process; the best round of each contender counts: the shape of a curve is asked for, and
not what a busy machine makes of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import rnnfast
from rnnfast.bench.cases import Case
from rnnfast.bench.timing import interleave

LENGTHS = (10, 30, 100, 300, 1000, 3000, 10000)
LENGTH_SIZES = ((32, 50, 5), (8, 64, 64))
THREAD_CASES = (
    Case(32, 100, 64, 64),
    Case(32, 100, 128, 128),
    Case(32, 100, 256, 256),
    Case(32, 50, 512, 512),
    Case(64, 20, 1024, 1024),
)


def passes(case: Case, threads: int) -> Callable[[], object]:
    """Forward and backward."""
    x, w_ih, w_hh, b, dy = case.arrays().values()
    rnnfast.set_num_threads(threads)
    plan = rnnfast.plan(
        seq_len=case.seq_len, batch=case.batch, input_size=case.input_size, hidden_size=case.hidden_size
    )

    def run() -> None:
        rnnfast.set_num_threads(threads)
        y, _ = plan.forward(x, w_ih, w_hh, b)
        plan.backward(dy, x, y, w_ih, w_hh)

    return run


def best(contenders: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Seconds of each contender's best round."""
    return {name: min(times) for name, times in interleave(contenders, seconds=seconds).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=rnnfast.get_num_threads())
    parser.add_argument("--seconds", type=float, default=4.0, help="for each row of the tables")
    options = parser.parse_args()
    print(f"{rnnfast.isa()}; forward + backward\n\nT against time of a step, 1 thread, in µs")
    for batch, input_size, hidden_size in LENGTH_SIZES:
        cases = {str(length): passes(Case(batch, length, input_size, hidden_size), 1) for length in LENGTHS}
        times = best(cases, options.seconds)
        steps = "  ".join(f"{length}: {time / int(length) * 1e6:.2f}" for length, time in times.items())
        print(f"B {batch}, I {input_size}, H {hidden_size}   {steps}")
    print(f"\nspeed-up of {options.threads} threads over 1")
    for case in THREAD_CASES:
        contenders = {str(count): passes(case, count) for count in (1, options.threads)}
        times = best(contenders, options.seconds)
        print(f"{case!s:22} {times['1'] / times[str(options.threads)]:.2f}")


if __name__ == "__main__":
    main()
