"""Probabilities against thresholds; on logits, where there are any, p > t as z > log(t / (1 - t))."""

from __future__ import annotations

import math

from rnnfast.arguments import check_number
from rnnfast.metrics.base import Scored
from rnnfast.typing import Array


def logit(t: float) -> float:
    """log(t / (1 - t)), for t in 0..1."""
    if t in (0, 1):
        return math.copysign(math.inf, t - 0.5)
    return math.log(t) - math.log1p(-t)


class Threshold:
    """A threshold of probabilities.

    Args:
        value: in 0..1.

    Raises:
        ValueError: out of range. TypeError: no number.
    """

    def __init__(self, value: float) -> None:
        self.value = check_number("threshold", value, low=0, high=1)
        self._logit = logit(self.value)

    def below(self, batch: Scored) -> Array:
        """Whether the probability of each element is above the threshold, in the shape of the scores."""
        result: Array = batch.scores > (self._logit if batch.are_logits else self.value)
        return result
