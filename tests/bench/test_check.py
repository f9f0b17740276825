"""Right and wrong results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnfast.bench import check
from rnnfast.bench.cases import BOTH, FORWARD, Case

ONES = np.ones((4, 4))


def test_the_worst_array_counts() -> None:
    off = ONES.copy()
    off[0, 0] += 0.4
    assert check.error([ONES, off], [ONES, ONES]) == pytest.approx(0.1)
    assert check.error([None, ONES], [ONES, ONES]) == 0


@pytest.mark.parametrize(
    "given",
    [[], [ONES, ONES], [ONES.ravel()], [np.full((4, 4), np.nan)], [np.where(np.eye(4), np.inf, 1)]],
    ids=["too few", "too many", "shape", "nan", "infinity"],
)
def test_what_can_not_be_right(given: list[np.ndarray]) -> None:
    assert check.error(given, [ONES]) == np.inf


def test_zeros_must_be_zeros() -> None:
    assert check.error([np.zeros(3)], [np.zeros(3)]) == 0
    assert check.error([np.full(3, 1e-9)], [np.zeros(3)]) == np.inf


def test_a_problem_comes_back_as_it_was(tmp_path: Path) -> None:
    case = Case(2, 3, 4, 5, "relu")
    check.write_problem(tmp_path / "problem.npz", case)
    arrays, expected = check.read_problem(tmp_path / "problem.npz")
    for name, array in case.arrays().items():
        np.testing.assert_array_equal(arrays[name], array)
    assert list(expected) == [FORWARD, BOTH]
    for what, results in case.expected(case.arrays()).items():
        for given, right in zip(expected[what], results, strict=True):
            assert given.dtype == np.float64
            np.testing.assert_array_equal(given, right)
