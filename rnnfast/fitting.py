"""The loop over epochs and batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnfast.callbacks import Callback, History, Hooks, for_verbosity
from rnnfast.metrics import Metric, metric_values
from rnnfast.profiler.spans import span, spanned
from rnnfast.sources import Source
from rnnfast.typing import Array

if TYPE_CHECKING:
    from rnnfast.model import Sequential


class Totals:
    """Metrics over batches: the sums of their statistics."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics
        self._sums: list[Array] | None = None

    def add(self, statistics: list[Array]) -> None:
        """Counts a batch."""
        if self._sums is None:
            self._sums = statistics
        else:
            self._sums = [total + one for total, one in zip(self._sums, statistics, strict=True)]

    def values(self) -> list[float]:
        """The metrics so far. ValueError if there was no batch."""
        if self._sums is None:
            raise ValueError("x: expected at least one batch, got none")
        return metric_values(self._metrics, self._sums)

    def logs(self) -> dict[str, float]:
        """The metrics so far by name."""
        return dict(zip([metric.name for metric in self._metrics], self.values(), strict=True))


def evaluate(model: Sequential, source: Source) -> list[float]:
    """The loss and the metrics over all batches."""
    totals = Totals(model.metrics)
    for batch in spanned("data", source):
        totals.add(model.test_step(batch))
    return totals.values()


def fit(
    model: Sequential,
    training: Source,
    validation: Source | None,
    *,
    epochs: range,
    verbose: str | int,
    callbacks: Sequence[Callback],
) -> History:
    """As `Sequential.fit`, for these epochs, on sources that are checked."""
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(f"callbacks: expected Callback objects, got {callback!r}")
    names = model.metrics_names
    history = History()
    hooks = Hooks(
        [history, *callbacks, *for_verbosity(verbose)],
        model,
        params={"epochs": epochs.stop, "steps": training.steps},
        log_names=names if validation is None else [*names, *(f"val_{name}" for name in names)],
    )
    model.stop_training = False
    try:
        hooks.call("on_train_begin")
        for epoch in epochs:
            hooks.call("on_epoch_begin", epoch)
            logs = _train_epoch(model, training, hooks)
            if validation is not None:
                values = evaluate(model, validation)
                logs |= {f"val_{name}": value for name, value in zip(names, values, strict=True)}
            model.epochs_done = epoch + 1
            hooks.call("on_epoch_end", epoch, logs)
            if model.stop_training:
                break
        hooks.call("on_train_end")
    finally:
        hooks.call("close")
    return history


def _train_epoch(model: Sequential, source: Source, hooks: Hooks) -> dict[str, float]:
    """One pass over all batches; the loss and the metrics while the weights moved."""
    totals = Totals(model.metrics)
    heard = hooks.has("on_train_batch_end")
    for number, batch in enumerate(spanned("data", source)):
        hooks.call("on_train_batch_begin", number)
        statistics = model.train_step(batch)
        with span("metrics"):
            totals.add(statistics)
        if heard:
            hooks.call("on_train_batch_end", number, totals.logs())
            if model.stop_training:
                break
    return totals.logs()
