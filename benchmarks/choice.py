"""How often plans choose right: every variant measured on 200 random problems that no price was fitted to.

    python benchmarks/choice.py [--problems 200] [--seed 2]

Prints for how many of them the variant that a plan chooses is within 15% of the best, forward and backward, and for
comparison what always taking one variant would come to.
"""

from __future__ import annotations

import argparse

import numpy as np

import rnnfast
from rnnfast.backends import cost
from rnnfast.bench import tuning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    options = parser.parse_args()
    isa = rnnfast.isa()
    prices, source = cost.prices(isa)
    print(f"{isa}, {rnnfast.get_num_threads()} threads, {source} prices")
    measured = [tuning.measure(problem, isa) for problem in tuning.random_problems(options.problems, options.seed)]
    for direction, share in tuning.near_best(measured, prices, isa).items():
        print(f"{direction}: the choice is within 15% of the best variant for {share:.1%}")
        for variant in cost.VARIANTS:
            near = [variant in m.times[direction] and _near(m.times[direction], variant) for m in measured]
            print(f"  always {variant}: {np.mean(near):.1%}")


def _near(times: dict[str, float], variant: str) -> bool:
    return times[variant] <= 1.15 * min(times.values())


if __name__ == "__main__":
    main()
