"""What callbacks are, and how `fit` calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnnfast.profiler.spans import span

if TYPE_CHECKING:
    from rnnfast.model import Sequential

Logs = dict[str, float]
"""Since the start of the epoch: "loss", the metrics, and at its end the same with "val_"."""


class Callback:
    """Hooks that `fit` calls, by the names that Keras uses; override what you need.

    Attributes:
        model: the model that is being fitted; set its `stop_training` to end after the epoch, or in
            `on_train_batch_end` after the batch.
        params: {"epochs": the number of the last epoch, "steps": batches in an epoch, None where that is not known}.
        log_names: what the logs at the end of an epoch will hold.
    """

    model: Sequential
    params: dict[str, Any]
    log_names: Sequence[str]

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before epoch number `epoch`, from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After the epoch and its validation."""

    def on_train_batch_begin(self, batch: int) -> None:
        """Before batch number `batch` of the epoch, from 0."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After the batch."""

    def close(self) -> None:
        """At the very end of `fit`, also when it is left through an exception."""


HOOKS = (*(name for name in vars(Callback) if name.startswith("on_")), "close")


class Hooks:
    """The hooks that a list of callbacks really overrides: the others cost nothing."""

    def __init__(
        self, callbacks: Sequence[Callback], model: Sequential, *, params: dict[str, Any], log_names: Sequence[str]
    ) -> None:
        for callback in callbacks:
            callback.model, callback.params, callback.log_names = model, params, log_names
        self._overridden = {
            hook: [
                getattr(callback, hook)
                for callback in callbacks
                if getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
            ]
            for hook in HOOKS
        }

    def has(self, hook: str) -> bool:
        """Whether anybody listens."""
        return bool(self._overridden[hook])

    def call(self, hook: str, *arguments: Any) -> None:
        """Calls the hook of every callback that has it, in their order."""
        for method in self._overridden[hook]:
            with span("callbacks"):
                method(*arguments)
