"""Bootstrap intervals of medians and their ratios (Efron & Tibshirani 1993, chapter 13: percentile intervals)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnnfast.typing import Array

RESAMPLES = 1000
CONFIDENCE = 0.95


class Interval(NamedTuple):
    """An estimate, and the bounds within which it lies with 95% confidence."""

    value: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """How far the bounds are from the value, at most, as a part of it."""
        return max(self.high - self.value, self.value - self.low) / self.value


def of_median(values: Sequence[float]) -> Interval:
    """The median of at least one value."""
    medians = np.median(np.asarray(values)[_resamples(len(values), seed=0)], axis=1)
    return _interval(float(np.median(values)), medians)


def of_ratio(numerator: Sequence[float], denominator: Sequence[float], *, paired: bool = True) -> Interval:
    """The median of the one over the median of the other.

    Args:
        numerator, denominator: times by round, at least one.
        paired: they were taken in the same rounds, in this order, so that whatever slowed a round slowed both:
            rounds are drawn, and not times.
    """
    if paired and len(numerator) != len(denominator):
        raise ValueError(f"numerator: expected as many rounds as denominator, {len(denominator)}, got {len(numerator)}")
    above = _resamples(len(numerator), seed=0)
    below = above if paired else _resamples(len(denominator), seed=1)
    ratios = np.median(np.asarray(numerator)[above], axis=1) / np.median(np.asarray(denominator)[below], axis=1)
    return _interval(float(np.median(numerator) / np.median(denominator)), ratios)


def _resamples(count: int, *, seed: int) -> Array:
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))


def _interval(value: float, resampled: Array) -> Interval:
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)))
