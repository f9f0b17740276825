"""Where the batches of an epoch come from: arrays, or an iterable of batches."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, NamedTuple

import numpy as np

from rnnfast.problem import check_size
from rnnfast.typing import Array


class Data(NamedTuple):
    """Inputs and targets of the same number of samples, in the forms that the first layer and the loss take.

    `weights` are those of the samples or of their steps, (B,) or (B, T); None for 1.
    """

    x: Array
    y: Array
    weights: Array | None = None

    def take(self, index: slice | Array) -> Data:
        """The samples at these places."""
        return Data(self.x[index], self.y[index], None if self.weights is None else self.weights[index])


def batches(samples: int, batch_size: int) -> Iterator[slice]:
    """Consecutive slices that cover all samples; the last may be smaller, and none is empty."""
    return (slice(start, start + batch_size) for start in range(0, samples, batch_size))


def split(data: Data, fraction: float) -> tuple[Data, Data]:
    """The data without, and with only, their last `fraction`.

    Raises:
        ValueError: nothing would be left of one of the two.
    """
    first = math.floor(len(data.x) * (1 - fraction))
    if first in (0, len(data.x)):
        raise ValueError(f"validation_split: expected samples on both sides, got {fraction} of {len(data.x)}")
    return data.take(slice(first)), data.take(slice(first, None))


class Source(ABC):
    """The batches of one pass, each time that it is iterated over.

    Attributes:
        steps: how many batches, None where that is not known.
    """

    steps: int | None

    @abstractmethod
    def __iter__(self) -> Iterator[Data]:
        """The batches of the next pass."""


class ArraySource(Source):
    """Consecutive samples, or with a generator `shuffle` samples in a new order for each pass."""

    def __init__(self, data: Data, batch_size: int, shuffle: np.random.Generator | None = None) -> None:
        self._data, self._batch_size, self._shuffle = data, batch_size, shuffle
        self.steps = math.ceil(len(data.x) / batch_size)

    def __iter__(self) -> Iterator[Data]:
        samples = len(self._data.x)
        order = None if self._shuffle is None else self._shuffle.permutation(samples)
        for batch in batches(samples, self._batch_size):
            yield self._data.take(batch if order is None else order[batch])


class StreamSource(Source):
    """The batches (x, y) or (x, y, sample_weight) of an iterable, checked as they come.

    With `steps`, a pass is that many batches and the next one goes on where it ended; an iterable that ends begins
    anew. Without, a pass is the whole iterable.

    Args:
        given: the iterable.
        check: makes Data of x, y and sample_weight; its errors are those of a batch.
        steps: at least 1, or None.
        passes: how often it will be iterated over.
        names: of the arguments that `given` and `steps` came as.

    Raises:
        TypeError: not iterable. ValueError: an iterator that can be passed once, for more than one pass.
    """

    def __init__(
        self,
        given: object,
        check: Callable[[object, object, object], Data],
        *,
        steps: int | None,
        passes: int,
        names: tuple[str, str],
    ) -> None:
        self._name, self._steps_name = names
        if not isinstance(given, Iterable) or isinstance(given, np.ndarray | str | bytes):
            raise TypeError(f"{self._name}: expected arrays x and y, or an iterable of batches, got {_kind(given)}")
        if steps is not None:
            check_size(self._steps_name, steps)
        elif isinstance(given, Iterator) and passes > 1:
            raise ValueError(
                f"{self._steps_name}: expected a number of batches, for the iterator {self._name} can be passed once, "
                f"got None for {passes} epochs"
            )
        self._given, self._check, self._limit = given, check, steps
        self._iterator: Iterator[Any] = iter(())
        self.steps = len(given) if steps is None and isinstance(given, Sized) else steps

    def __iter__(self) -> Iterator[Data]:
        if self._limit is None:
            for batch in self._given:
                yield self._data(batch)
            return
        for step in range(self._limit):
            batch = next(self._iterator, None)
            if batch is None:
                self._iterator = iter(self._given)
                batch = next(self._iterator, None)
            if batch is None:
                raise ValueError(
                    f"{self._steps_name}: expected at most what {self._name} has, got {self._limit}; "
                    f"it ended after {step} batches"
                )
            yield self._data(batch)

    def _data(self, batch: object) -> Data:
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            raise TypeError(f"{self._name}: expected batches (x, y) or (x, y, sample_weight), got {_kind(batch)}")
        x, y, *weight = batch
        return self._check(x, y, weight[0] if weight else None)


def _kind(value: object) -> str:
    return type(value).__name__
