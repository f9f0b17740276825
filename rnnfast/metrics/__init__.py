"""Metrics: accuracies, precision, recall, AUC, perplexity, the mean squared error, or any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from rnnfast.losses import Loss
from rnnfast.metrics.base import LossValue, Metric, OfFunction, Scored, metric_values
from rnnfast.metrics.binary import AUC, Precision, Recall
from rnnfast.metrics.means import (
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanSquaredError,
    Perplexity,
    SparseCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from rnnfast.problem import check_option

KNOWN: dict[str, Callable[[], Metric]] = {
    "auc": AUC,
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "mse": MeanSquaredError,
    "perplexity": Perplexity,
    "precision": Precision,
    "recall": Recall,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
}

ACCURACIES = (BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy)
"""What "accuracy" means: the one that goes with the loss."""


def resolve(
    metrics: Sequence[str | Metric | Callable[..., Any]],
    loss: Loss,
    *,
    weighted: Sequence[str | Metric | Callable[..., Any]] = (),
) -> list[Metric]:
    """The loss, the metrics asked for, and those in which samples count with their weights.

    Each is "accuracy" (the kind that goes with the loss), a name in `KNOWN`, a Metric, or a function of targets, in
    the form of the loss, and predictions. A weighted one of the same name as another has "weighted_" before it.

    Raises:
        ValueError: a name that is not known or does not go with the loss, or one twice.
        TypeError: neither a name nor a function, or no list of them.
    """
    plain = [_resolve("metrics", metric, loss) for metric in _check_list("metrics", metrics)]
    taken = {metric.name for metric in plain}
    for given in _check_list("weighted_metrics", weighted):
        metric = _resolve("weighted_metrics", given, loss)
        if isinstance(metric, OfFunction):
            raise TypeError(f"weighted_metrics: expected names and Metrics, got the function {metric.name!r}")
        metric = copy(metric)
        metric.weighted = True
        if metric.name in taken:
            metric.name = f"weighted_{metric.name}"
        plain.append(metric)
    names = ["loss", *(metric.name for metric in plain)]
    if len(set(names)) < len(names):
        raise ValueError(f"metrics: expected names that differ, and none of them 'loss', got {names[1:]}")
    return [LossValue(), *plain]


def _check_list(name: str, metrics: Any) -> Sequence[Any]:
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise TypeError(f"{name}: expected a list of names and functions, got {metrics!r}")
    return metrics


def _resolve(name: str, metric: str | Metric | Callable[..., Any], loss: Loss) -> Metric:
    if isinstance(metric, str):
        check_option(name, metric, ("accuracy", *KNOWN))
        if metric == "accuracy":
            kind = next((kind for kind in ACCURACIES if isinstance(loss, kind.reads)), None)
            if kind is None:
                raise ValueError(f"{name}: 'accuracy' does not go with the loss {type(loss).__name__}")
            return kind(name="accuracy")
        metric = KNOWN[metric]()
    elif not isinstance(metric, Metric):
        if not callable(metric):
            raise TypeError(f"{name}: expected a name, a Metric or a function, got {metric!r}")
        return OfFunction(metric)
    metric.check_loss(loss)
    return metric


__all__ = [
    "AUC",
    "KNOWN",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "MeanSquaredError",
    "Metric",
    "Perplexity",
    "Precision",
    "Recall",
    "Scored",
    "SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "metric_values",
    "resolve",
]
