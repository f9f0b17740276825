"""Metrics of yes and no: precision, recall, and the area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast.losses import BinaryCrossentropy
from rnnfast.metrics.base import Metric, Scored, numbers, ratio
from rnnfast.metrics.thresholds import Threshold, logit
from rnnfast.problem import check_size
from rnnfast.typing import Array


class Precision(Metric):
    """Of the elements with a probability above `threshold`, the fraction with a target above 0.5; 0 if there are none.

    Args:
        threshold: in 0..1.
    """

    larger_is_better = True
    reads = (BinaryCrossentropy,)

    def __init__(self, threshold: float = 0.5, *, name: str = "precision") -> None:
        self._threshold = Threshold(threshold)
        self.threshold, self.name = self._threshold.value, name

    def statistic(self, batch: Scored) -> Array:
        chosen = self._threshold.below(batch)
        return numbers(_count(batch, chosen & (batch.targets > 0.5)), _count(batch, chosen))

    def value(self, total: Array) -> float:
        return ratio(total)


class Recall(Precision):
    """Of the elements with a target above 0.5, the fraction with a probability above `threshold`; 0 if there are none.

    Args:
        threshold: in 0..1.
    """

    def __init__(self, threshold: float = 0.5, *, name: str = "recall") -> None:
        super().__init__(threshold, name=name)

    def statistic(self, batch: Scored) -> Array:
        positive = batch.targets > 0.5
        return numbers(_count(batch, positive & self._threshold.below(batch)), _count(batch, positive))


class AUC(Metric):
    """The area under the ROC curve through evenly spaced thresholds, by trapezoids; 0 if one class is absent.

    As in Keras, the first threshold is below 0 and the last above 1. With n thresholds the area is off by what the
    order of probabilities closer than 1 / n would change.

    Args:
        num_thresholds: at least 2.
    """

    larger_is_better = True
    reads = (BinaryCrossentropy,)

    def __init__(self, num_thresholds: int = 200, *, name: str = "auc") -> None:
        check_size("num_thresholds", num_thresholds)
        if num_thresholds < 2:
            raise ValueError(f"num_thresholds: expected at least 2, got {num_thresholds}")
        self.num_thresholds, self.name = num_thresholds, name
        inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        self._for_probabilities = np.array([-np.inf, *inner, np.inf])
        self._for_logits = np.array([-np.inf, *map(logit, inner), np.inf])

    def statistic(self, batch: Scored) -> Array:
        """Negatives and positives by the number of thresholds below them, (2, num_thresholds + 1)."""
        thresholds = self._for_logits if batch.are_logits else self._for_probabilities
        below = np.searchsorted(np.asarray(thresholds, like=batch.scores), batch.scores.reshape(-1))
        positive = batch.targets.reshape(-1) > 0.5
        places = below + (self.num_thresholds + 1) * positive
        weights = _element_weights(batch)
        counts = np.bincount(places, weights, minlength=2 * (self.num_thresholds + 1))
        return counts.reshape(2, -1).astype(np.float64)

    def value(self, total: Array) -> float:
        # above[c, i]: of class c, the elements above threshold i
        above_threshold = total[:, ::-1].cumsum(axis=1)[:, -2::-1]
        classes = total.sum(axis=1, keepdims=True)
        if not classes.all():
            return 0.0
        false_positive, true_positive = above_threshold / classes
        return float(((false_positive[:-1] - false_positive[1:]) * (true_positive[:-1] + true_positive[1:]) / 2).sum())


def _element_weights(batch: Scored) -> Array | None:
    """The weight of each element of the scores, flat; None for 1."""
    if batch.weights is None:
        return None
    return np.broadcast_to(batch.weights[..., None], batch.scores.shape).reshape(-1)


def _count(batch: Scored, elements: Array) -> Any:
    """How many of the elements are True, each with its weight."""
    if batch.weights is None:
        return np.count_nonzero(elements)
    return (elements * batch.weights[..., None]).sum(dtype=np.float64)
