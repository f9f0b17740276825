"""What is done once a log has improved, or has stopped improving."""

from __future__ import annotations

import math

from rnnfast.arguments import check_count, check_flag, check_number
from rnnfast.callbacks.base import Callback, Logs
from rnnfast.callbacks.rate import check_no_schedule
from rnnfast.problem import check_option
from rnnfast.typing import Array


class Monitor(Callback):
    """Follows one log from epoch to epoch.

    Args:
        monitor: the log: "loss", a metric, or one of these with "val_" before it.
        mode: "min" where smaller is better, "max" where larger is, "auto" for what is known of the loss and of the
            metrics of this package.
        min_delta: what a change must exceed to be an improvement, at least 0.

    Attributes:
        best: the best value so far; None before the first.

    Raises:
        ValueError, TypeError: an option out of range. `fit` raises ValueError, before it trains, if there will be no
        such log, or "auto" does not know it.
    """

    def __init__(self, monitor: str = "val_loss", *, mode: str = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor: expected the name of a log, got {monitor!r}")
        check_option("mode", mode, ("auto", "min", "max"))
        self.monitor, self.mode = monitor, mode
        self.min_delta = check_number("min_delta", min_delta, low=0)
        self.best: float | None = None

    def on_train_begin(self) -> None:
        if self.monitor not in self.log_names:
            raise ValueError(f"monitor: expected one of {', '.join(self.log_names)}, got {self.monitor!r}")
        self._sign = 1 if (self._known_mode() if self.mode == "auto" else self.mode) == "max" else -1
        self.best = None

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` improves on another by more than `min_delta`; on None all but NaN does."""
        return not math.isnan(value) and (than is None or self._sign * (value - than) > self.min_delta)

    def _known_mode(self) -> str:
        name = self.monitor.removeprefix("val_")
        larger = next((metric.larger_is_better for metric in self.model.metrics if metric.name == name), None)
        if larger is None:
            raise ValueError(f"mode: expected 'min' or 'max' for {self.monitor!r}, got 'auto', which does not know it")
        return "max" if larger else "min"


class EarlyStopping(Monitor):
    """Ends the training after an epoch when the log has not improved for `patience` epochs.

    Args:
        monitor, mode, min_delta: see Monitor.
        patience: epochs without improvement, at least 0.
        baseline: only what improves on this too begins the wait anew; None for none.
        restore_best_weights: at the end of the training, stopped or not, go back to the weights of the best epoch.
        start_from_epoch: the first epoch, from 0, that is looked at.

    Attributes:
        best, best_epoch: the best value and its epoch; None before the first.
        stopped_epoch: where it stopped the training; None if it has not.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode=mode, min_delta=min_delta)
        self.patience = check_count("patience", patience)
        self.baseline = None if baseline is None else check_number("baseline", baseline)
        self.restore_best_weights = check_flag("restore_best_weights", restore_best_weights)
        self.start_from_epoch = check_count("start_from_epoch", start_from_epoch)

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self._wait = 0
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._best_weights: list[Array] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if epoch < self.start_from_epoch:
            return
        value = logs[self.monitor]
        self._wait += 1
        if self.better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            if self.baseline is None or self.better(value, self.baseline):
                self._wait = 0
        elif self._wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
            self._best_weights = None


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when the log has not improved for `patience` epochs.

    Args:
        monitor, mode, min_delta: see Monitor.
        factor: in 0..1, below 1.
        patience: epochs without improvement, at least 0.
        cooldown: epochs after a reduction in which nothing is counted, at least 0.
        min_lr: the learning rate that it does not go below, at least 0.

    Raises:
        ValueError: in `fit`, before it trains: the learning rate is a schedule.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode=mode, min_delta=min_delta)
        self.factor = check_number("factor", factor, low=0, below=1)
        self.patience, self.cooldown = check_count("patience", patience), check_count("cooldown", cooldown)
        self.min_lr = check_number("min_lr", min_lr, low=0)

    def on_train_begin(self) -> None:
        check_no_schedule(self)
        super().on_train_begin()
        self._wait = self._cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        value, optimizer = logs[self.monitor], self.model.optimizer
        if self._cooling:
            self._cooling -= 1
            self._wait = 0
        if self.better(value, self.best):
            self.best, self._wait = value, 0
        elif not self._cooling:
            self._wait += 1
            if self._wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self._cooling, self._wait = self.cooldown, 0
