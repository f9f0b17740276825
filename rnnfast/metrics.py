"""Metrics of a batch: accuracy in the form that the loss asks for, a loss's own value, or any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rnnfast import losses
from rnnfast.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from rnnfast.problem import check_option
from rnnfast.typing import Array

MetricFunction: TypeAlias = Callable[[Array, Array], float]
"""From targets, in the form of the loss, and predictions (B, C) or (B, T, C) to the mean over the batch."""


class Metric(NamedTuple):
    """A metric as the logs call it. With `on_scores` it takes the model's raw scores, logits where there are any."""

    name: str
    function: MetricFunction
    on_scores: bool


def binary_accuracy(targets: Array, scores: Array, threshold: float) -> float:
    """Fraction of elements on the same side: targets against 0.5, scores against `threshold`."""
    return float(np.count_nonzero((scores > threshold) == (targets > 0.5)) / scores.size)


def categorical_accuracy(targets: Array, scores: Array) -> float:
    """Fraction of rows in which the largest score is where the largest target is."""
    return float(np.mean(scores.argmax(axis=-1) == targets.argmax(axis=-1)))


def sparse_categorical_accuracy(targets: Array, scores: Array) -> float:
    """Fraction of rows in which the largest score is at the target class."""
    return float(np.mean(scores.argmax(axis=-1) == targets))


# What "accuracy" means for each loss, and which loss has the targets that each accuracy reads.
ACCURACIES: dict[str, type[Loss]] = {
    "binary_accuracy": BinaryCrossentropy,
    "categorical_accuracy": CategoricalCrossentropy,
    "sparse_categorical_accuracy": SparseCategoricalCrossentropy,
}


def resolve(metrics: Sequence[str | Callable[..., Any]], loss: Loss, *, scores_are_logits: bool) -> list[Metric]:
    """The metrics asked for: "accuracy" or one of its kinds, "mse", or a function of targets and predictions.

    Accuracy of a binary output compares logits with 0 and probabilities with 0.5.

    Raises:
        ValueError: a name that is not known or does not go with the loss, or one twice.
        TypeError: neither a name nor a function, or no list of them.
    """
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise TypeError(f"metrics: expected a list of names and functions, got {metrics!r}")
    resolved = [_resolve(metric, loss, scores_are_logits) for metric in metrics]
    names = ["loss", *(metric.name for metric in resolved)]
    if len(set(names)) < len(names):
        raise ValueError(f"metrics: expected names that differ, and none of them 'loss', got {names[1:]}")
    return resolved


def _resolve(metric: str | Callable[..., Any], loss: Loss, scores_are_logits: bool) -> Metric:
    if not isinstance(metric, str):
        if not callable(metric):
            raise TypeError(f"metrics: expected a name or a function, got {metric!r}")
        return Metric(getattr(metric, "__name__", type(metric).__name__), metric, on_scores=False)
    check_option("metrics", metric, ("accuracy", *ACCURACIES, "mse"))
    if metric == "mse":
        if isinstance(loss, SparseCategoricalCrossentropy):
            raise ValueError(f"metrics: 'mse' needs targets like the predictions, which {type(loss).__name__} has not")
        return Metric(metric, _mean_squared_error, on_scores=False)
    kind = next((name for name, of in ACCURACIES.items() if isinstance(loss, of)), None)
    if kind is None or metric not in ("accuracy", kind):
        raise ValueError(f"metrics: {metric!r} does not go with the loss {type(loss).__name__}")
    if kind == "binary_accuracy":
        threshold = 0.0 if scores_are_logits else 0.5
        return Metric(metric, lambda targets, scores: binary_accuracy(targets, scores, threshold), on_scores=True)
    return Metric(metric, globals()[kind], on_scores=True)


def _mean_squared_error(targets: Array, predictions: Array) -> float:
    return losses.MeanSquaredError().value_and_gradient(targets=targets, predictions=predictions)[0]
