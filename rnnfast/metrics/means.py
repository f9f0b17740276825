"""Accuracies, the mean squared error, and perplexity."""

from __future__ import annotations

import numpy as np

from rnnfast.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Elementwise,
    SparseCategoricalCrossentropy,
)
from rnnfast.metrics.base import Mean, Metric, Scored, numbers, ratio
from rnnfast.metrics.thresholds import Threshold
from rnnfast.problem import check_size
from rnnfast.typing import Array


class BinaryAccuracy(Mean):
    """Fraction of elements on the same side: targets against 0.5, probabilities against `threshold`.

    Args:
        threshold: in 0..1.
    """

    larger_is_better = True
    reads = (BinaryCrossentropy,)

    def __init__(self, threshold: float = 0.5, *, name: str = "binary_accuracy") -> None:
        self._threshold = Threshold(threshold)
        self.threshold, self.name = self._threshold.value, name

    def values(self, batch: Scored) -> Array:
        hits: Array = self._threshold.below(batch) == (batch.targets > 0.5)
        return hits


class CategoricalAccuracy(Mean):
    """Fraction of rows in which the largest score is where the largest target is."""

    larger_is_better = True
    reads = (CategoricalCrossentropy,)

    def __init__(self, *, name: str = "categorical_accuracy") -> None:
        self.name = name

    def values(self, batch: Scored) -> Array:
        hits: Array = batch.scores.argmax(axis=-1) == batch.targets.argmax(axis=-1)
        return hits


class SparseCategoricalAccuracy(Mean):
    """Fraction of rows in which the largest score is at the target class."""

    larger_is_better = True
    reads = (SparseCategoricalCrossentropy,)

    def __init__(self, *, name: str = "sparse_categorical_accuracy") -> None:
        self.name = name

    def values(self, batch: Scored) -> Array:
        hits: Array = batch.scores.argmax(axis=-1) == batch.targets
        return hits


class TopKCategoricalAccuracy(Mean):
    """Fraction of rows in which fewer than k scores are above that of the target class.

    A row with a score that is no finite number is no hit.

    Args:
        k: at least 1.
    """

    larger_is_better = True
    reads = (CategoricalCrossentropy, SparseCategoricalCrossentropy)

    def __init__(self, k: int = 5, *, name: str = "top_k_categorical_accuracy") -> None:
        check_size("k", k)
        self.k, self.name = k, name

    def values(self, batch: Scored) -> Array:
        scores, targets = batch.scores, batch.targets
        classes = targets if targets.ndim < scores.ndim else targets.argmax(axis=-1)
        chosen = np.take_along_axis(scores, classes[..., None], axis=-1)
        hits: Array = (np.count_nonzero(scores > chosen, axis=-1) < self.k) & np.isfinite(scores).all(axis=-1)
        return hits


class MeanSquaredError(Mean):
    """(p - y)^2 of the model's output p, averaged."""

    larger_is_better = False
    reads = (Elementwise,)

    def __init__(self, *, name: str = "mse") -> None:
        self.name = name

    def values(self, batch: Scored) -> Array:
        difference: Array = batch.output() - batch.targets
        return difference * difference


class Perplexity(Metric):
    """exp of the mean crossentropy over all rows, with no penalties: of an epoch, not a mean over its batches."""

    larger_is_better = False
    reads = (CategoricalCrossentropy, SparseCategoricalCrossentropy)

    def __init__(self, *, name: str = "perplexity") -> None:
        self.name = name

    def statistic(self, batch: Scored) -> Array:
        terms, weights = batch.terms, batch.weights
        if weights is None:
            return numbers(terms.sum(dtype=np.float64), terms.size)
        rows = weights.T.reshape(-1)  # the terms are time-major
        return numbers((rows * terms).sum(dtype=np.float64), rows.sum(dtype=np.float64))

    def value(self, total: Array) -> float:
        with np.errstate(over="ignore"):
            return float(np.exp(ratio(total)))
