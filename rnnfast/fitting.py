"""The loop over epochs and batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rnnfast.arguments import check_flag, check_number
from rnnfast.callbacks import Callback, History, Hooks, for_verbosity
from rnnfast.problem import check_size
from rnnfast.typing import Array

if TYPE_CHECKING:
    from rnnfast.model import Sequential


class Data(NamedTuple):
    """Inputs and targets of the same number of samples, in the forms that the first layer and the loss take."""

    x: Array
    y: Array

    def take(self, index: slice | Array) -> Data:
        """The samples at these places."""
        return Data(self.x[index], self.y[index])


class Means:
    """Means of several values over batches of different sizes."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._sums = [0.0] * len(names)
        self._samples = 0

    def add(self, values: Sequence[float], samples: int) -> None:
        """Counts the values of a batch, once for each sample."""
        self._sums = [total + value * samples for total, value in zip(self._sums, values, strict=True)]
        self._samples += samples

    def values(self) -> list[float]:
        """The means so far."""
        return [total / self._samples for total in self._sums]

    def logs(self) -> dict[str, float]:
        """The means so far by name."""
        return dict(zip(self._names, self.values(), strict=True))


def batches(samples: int, batch_size: int) -> Iterator[slice]:
    """Consecutive slices that cover all samples; the last may be smaller, and none is empty."""
    return (slice(start, start + batch_size) for start in range(0, samples, batch_size))


def split(data: Data, fraction: float) -> tuple[Data, Data | None]:
    """The data without, and with only, their last `fraction`; None if that is 0.

    Raises:
        ValueError: not in 0..1, or nothing would be left of one of the two. TypeError: no number.
    """
    if not check_number("validation_split", fraction, low=0, below=1):
        return data, None
    first = math.floor(len(data.x) * (1 - fraction))
    if first in (0, len(data.x)):
        raise ValueError(f"validation_split: expected samples on both sides, got {fraction} of {len(data.x)}")
    return data.take(slice(first)), data.take(slice(first, None))


def evaluate(model: Sequential, data: Data, batch_size: int) -> list[float]:
    """Means of the loss and the metrics over all samples."""
    model.check_stateful(len(data.x), batch_size)
    means = Means(model.metrics_names)
    for batch in batches(len(data.x), batch_size):
        part = data.take(batch)
        means.add(model.test_step(part), len(part.x))
    return means.values()


def fit(
    model: Sequential,
    data: Data,
    validation: Data | None,
    *,
    batch_size: int,
    epochs: int,
    verbose: str | int,
    callbacks: Sequence[Callback],
    shuffle: bool,
    initial_epoch: int,
) -> History:
    """As `Sequential.fit`, on data that are checked."""
    check_size("batch_size", batch_size)
    check_size("epochs", epochs)
    check_number("initial_epoch", initial_epoch, low=0)
    check_flag("shuffle", shuffle)
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks: expected Callback objects, got {callback!r}")
    for part in (data, validation):
        if part is not None:
            model.check_stateful(len(part.x), batch_size)
    history = History()
    params = {"epochs": epochs, "steps": math.ceil(len(data.x) / batch_size)}
    hooks = Hooks([history, *callbacks, *for_verbosity(verbose)], model, params)
    model.stop_training = False
    try:
        hooks.call("on_train_begin")
        for epoch in range(initial_epoch, epochs):
            hooks.call("on_epoch_begin", epoch)
            logs = _train_epoch(model, data, batch_size, shuffle, hooks)
            if validation is not None:
                values = evaluate(model, validation, batch_size)
                logs |= {f"val_{name}": value for name, value in zip(model.metrics_names, values, strict=True)}
            model.epochs_done = epoch + 1
            hooks.call("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
        hooks.call("on_train_end")
    finally:
        hooks.call("close")
    return history


def _train_epoch(model: Sequential, data: Data, batch_size: int, shuffle: bool, hooks: Hooks) -> dict[str, float]:
    """One pass over all samples; the means of the loss and the metrics."""
    samples = len(data.x)
    order = model.shuffle_rng.permutation(samples) if shuffle else None
    means = Means(model.metrics_names)
    heard = hooks.has("on_train_batch_end")
    for number, batch in enumerate(batches(samples, batch_size)):
        hooks.call("on_train_batch_begin", number)
        part = data.take(batch if order is None else order[batch])
        means.add(model.train_step(part), len(part.x))
        if heard:
            hooks.call("on_train_batch_end", number, means.logs())
    return means.logs()
