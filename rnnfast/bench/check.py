"""Whether a contender's results are right, against the reference in float64; and the file that hands both over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rnnfast.bench.cases import Case
from rnnfast.typing import Array

Expected = dict[str, tuple[Array, ...]]
"""By pass, what it must give."""


def error(given: Sequence[Array | None], expected: Sequence[Array]) -> float:
    """The largest distance of an array from the right one, as a part of that one's norm.

    NaN and infinity in a result make it infinite, as do a wrong shape and too few or too many arrays. None is left out.
    """
    if len(given) != len(expected):
        return np.inf
    worst = 0.0
    for array, right in zip(given, expected, strict=True):
        if array is None:
            continue
        if array.shape != right.shape or not np.isfinite(array).all():
            return np.inf
        distance = float(np.linalg.norm(array.astype(np.float64) - right))
        norm = float(np.linalg.norm(right))
        worst = max(worst, distance / norm if norm else (np.inf if distance else 0.0))
    return worst


def write_problem(path: Path, case: Case) -> None:
    """The arrays of a case and what its passes must give, as an NPZ file."""
    arrays = case.arrays()
    expected = {
        f"out {what} {index}": array
        for what, results in case.expected(arrays).items()
        for index, array in enumerate(results)
    }
    np.savez(path, **{f"in {name}": array for name, array in arrays.items()}, **expected)  # type: ignore[arg-type]


def read_problem(path: Path) -> tuple[Mapping[str, Array], Expected]:
    """What `write_problem` wrote."""
    arrays: dict[str, Array] = {}
    expected: Expected = {}
    with np.load(path, allow_pickle=False) as file:
        for key in file.files:  # results in their order, as they were written
            side, name, *_ = key.split(" ")
            if side == "in":
                arrays[name] = file[key]
            else:
                expected[name] = (*expected.get(name, ()), file[key])
    return arrays, expected
