"""What every metric is: a statistic of a batch that adds up over batches, and the value of a total.

A mean is the two numbers (sum, count); what is no mean over batches, as precision or perplexity, has a statistic of
its own, and is right for an epoch however that is cut into batches.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from rnnfast.configuration import Configurable
from rnnfast.home import to_host
from rnnfast.losses import Loss
from rnnfast.typing import Array

_ON_CPU = (int, float, np.generic)


class Scored(NamedTuple):
    """A batch as metrics see it; all of it lies where the model does.

    Attributes:
        targets: in the form of the loss.
        scores: (B, C) or (B, T, C), logits or probabilities.
        are_logits: which of the two.
        output: called, what the model returns for the batch, in the shape of the scores.
        value: of the loss, with weights and penalties, a number.
        terms: of the loss by rows; see `rnnfast.losses.Evaluated`.
        weights: (B,) or (B, T), what each sample or step counts, 0 at masked steps; None for 1. For a metric that is
            not `weighted`, of the mask alone.
    """

    targets: Array
    scores: Array
    are_logits: bool
    output: Callable[[], Array]
    value: Any
    terms: Array
    weights: Array | None


class Metric(Configurable, ABC):
    """What a batch or an epoch is measured by.

    Attributes:
        name: as the logs call it.
        larger_is_better: None where that is not known.
        weighted: whether samples count with their weights.
    """

    name: str
    weighted: bool = False
    larger_is_better: ClassVar[bool | None] = None
    reads: ClassVar[tuple[type[Loss], ...]] = (Loss,)
    """The losses whose targets it reads."""

    @abstractmethod
    def statistic(self, batch: Scored) -> Array:
        """Numbers that, added up over batches, are what `value` takes; they stay where the batch lies."""

    @abstractmethod
    def value(self, total: Array) -> float:
        """The metric, from the sum of the statistics, on the CPU."""

    def check_loss(self, loss: Loss) -> None:
        """ValueError if the metric cannot read what the loss has."""
        if not isinstance(loss, self.reads):
            expected = " or ".join(kind.__name__ for kind in self.reads)
            raise ValueError(
                f"metrics: {self.name!r} does not go with the loss {type(loss).__name__}, expected {expected}"
            )


class Mean(Metric):
    """A mean over elements, or over rows with their weights."""

    @abstractmethod
    def values(self, batch: Scored) -> Array:
        """The value of each row, (B,) or (B, T), or of each element, (B, C) or (B, T, C)."""

    def statistic(self, batch: Scored) -> Array:
        values, weights = self.values(batch), batch.weights
        if weights is None:
            total = np.count_nonzero(values) if values.dtype == bool else values.sum(dtype=np.float64)
            return numbers(total, values.size)
        rows = values.reshape(*weights.shape, -1).mean(axis=-1)
        return numbers((weights * rows).sum(dtype=np.float64), weights.sum(dtype=np.float64))

    def value(self, total: Array) -> float:
        return ratio(total)


class BatchMean(Metric):
    """A number for each batch, averaged over samples; weights of samples do not enter."""

    @abstractmethod
    def batch_value(self, batch: Scored) -> Any:
        """The number."""

    def statistic(self, batch: Scored) -> Array:
        samples = len(batch.scores)
        return numbers(self.batch_value(batch) * samples, samples)

    def value(self, total: Array) -> float:
        return ratio(total)


class LossValue(BatchMean):
    """The loss, with what regularizers add."""

    name = "loss"
    larger_is_better = False

    def batch_value(self, batch: Scored) -> Any:
        return batch.value


class OfFunction(BatchMean):
    """Any function of targets, in the form of the loss, and the model's output, to the mean over the batch."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = getattr(function, "__name__", type(function).__name__)
        self.function = function

    def batch_value(self, batch: Scored) -> float:
        return float(self.function(batch.targets, batch.output()))


def numbers(first: Any, *rest: Any) -> Array:
    """Numbers as one array of float64, where they lie: on the CPU unless the first is an array elsewhere."""
    if isinstance(first, _ON_CPU):
        return np.array([first, *rest], np.float64)
    result = np.empty(1 + len(rest), np.float64, like=first)
    for place, number in enumerate((first, *rest)):
        result[place] = number
    return result


def ratio(total: Array) -> float:
    """(a, b) as a / b, and 0 where b is 0."""
    return float(total[0] / total[1]) if total[1] else 0.0


def metric_values(metrics: Sequence[Metric], totals: Sequence[Array]) -> list[float]:
    """The value of each metric, from the sums of the statistics; waits for a GPU that they lie on."""
    return [metric.value(to_host(total)) for metric, total in zip(metrics, totals, strict=True)]
