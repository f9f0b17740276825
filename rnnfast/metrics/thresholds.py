"""Probabilities against thresholds; on logits, where there are any, p > t as z > log(t / (1 - t))."""

from __future__ import annotations

import math

from rnnfast.arguments import check_number
from rnnfast.metrics.base import Scored
from rnnfast.typing import Array


def check_threshold(threshold: float) -> float:
    """`threshold` as a float; ValueError or TypeError unless it is in 0..1."""
    return check_number("threshold", threshold, low=0, high=1)


def logit(t: float) -> float:
    """log(t / (1 - t)), for t in 0..1."""
    if t in (0, 1):
        return math.copysign(math.inf, t - 0.5)
    return math.log(t) - math.log1p(-t)


def above(batch: Scored, threshold: float) -> Array:
    """Whether the probability of each element is above the threshold, in the shape of the scores."""
    result: Array = batch.scores > (logit(threshold) if batch.are_logits else threshold)
    return result
