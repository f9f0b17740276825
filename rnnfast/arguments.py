"""Checks of scalar arguments of the trainer: every message names the argument, what was expected and what came."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from rnnfast.problem import check_option

T = TypeVar("T")


def check_number(
    name: str, value: object, *, low: float = -math.inf, high: float = math.inf, below: float = math.inf
) -> float:
    """`value` as a float; it must be a finite number with low <= value <= high and value < below.

    Raises:
        TypeError: no real number. ValueError: outside the range.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not math.isfinite(value) or not low <= value <= high or not value < below:
        raise ValueError(f"{name}: expected {_range(low, high, below)}, got {value}")
    return float(value)


def check_count(name: str, value: object) -> int:
    """`value` as an int; TypeError unless it is an integer, ValueError unless it is at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < 0:
        raise ValueError(f"{name}: expected at least 0, got {value}")
    return int(value)


def check_flag(name: str, value: object) -> bool:
    """`value` as a bool; TypeError unless it is one."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected a bool, got {value!r}")
    return bool(value)


def _range(low: float, high: float, below: float) -> str:
    bounds = []
    if low > -math.inf:
        bounds.append(f"at least {low:g}")
    if high < math.inf:
        bounds.append(f"at most {high:g}")
    if below < math.inf:
        bounds.append(f"less than {below:g}")
    return "a finite number" + (", " if bounds else "") + " and ".join(bounds)


def look_up(name: str, value: object, kind: type[Any], known: Mapping[str, Callable[[], T]]) -> T:
    """`value` if it is an object of that kind, or a new one by its name, with its defaults.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor such an object.
    """
    if isinstance(value, kind):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, str):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        raise TypeError(f"{name}: expected a name or {article} {kind.__name__}, got {value!r}")
    check_option(name, value, tuple(known))
    return known[value]()


def check_seed(seed: object) -> np.random.SeedSequence:
    """A SeedSequence from a non-negative integer, a SeedSequence or None; TypeError or ValueError for anything else."""
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise TypeError(f"seed: expected an integer, a numpy SeedSequence or None, got {seed!r}")
        if seed < 0:
            raise ValueError(f"seed: expected at least 0, got {seed}")
    return np.random.SeedSequence(None if seed is None else int(seed))
