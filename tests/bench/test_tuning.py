"""Measuring the variants and fitting their prices."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

import rnnfast
from rnnfast.backends import cost
from rnnfast.bench import tuning


def test_nonnegative_least_squares_is_that() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.uniform(size=(30, 6)), rng.standard_normal(30)
        np.testing.assert_allclose(tuning.nonnegative_least_squares(a, b), nnls(a, b)[0], atol=1e-6)


def test_prices_are_found_again() -> None:
    isa = rnnfast.isa()
    truth = cost.read(cost.SHIPPED)
    measured = [
        tuning.Measured(
            problem,
            {
                direction: {
                    variant: float(
                        tuning.counts_of(problem, isa, variant, direction) @ np.array(truth[variant][direction])
                    )
                    for variant in cost.VARIANTS
                }
                for direction in cost.DIRECTIONS
            },
        )
        for problem in tuning.random_problems(200, 1)
    ]
    found = tuning.fit(measured, isa)
    for problem, times in measured:
        for variant in cost.VARIANTS:
            for direction in cost.DIRECTIONS:
                price = tuning.counts_of(problem, isa, variant, direction) @ np.array(found[variant][direction])
                assert price == pytest.approx(times[direction][variant], rel=0.02)
    assert tuning.near_best(measured, found, isa) == {"forward": 1.0, "backward": 1.0}
    worst = {name: {d: [0.0] * len(p) for d, p in rows.items()} for name, rows in truth.items()}
    worst["panel"]["forward"][0] = 1.0
    assert tuning.near_best(measured, worst, isa)["forward"] < 1


def test_every_variant_that_takes_a_problem_is_timed() -> None:
    problems = list(tuning.random_problems(8, 3))
    assert problems == list(tuning.random_problems(8, 3))
    for problem in problems[:2]:
        times = tuning.measure(problem, rnnfast.isa()).times
        for direction in cost.DIRECTIONS:
            assert set(times[direction]) == {v for v in cost.VARIANTS if cost.accepts(problem, v)}
            assert all(0 < time < np.inf for time in times[direction].values())
