"""The learning rate by epochs; by steps it is a schedule of the optimizer's (`rnnfast.schedules`)."""

from __future__ import annotations

from collections.abc import Callable

from rnnfast.callbacks.base import Callback


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: from the epoch, from 0, and the learning rate so far to the new one.

    Raises:
        TypeError: no function. ValueError: in `fit`, before it trains: the learning rate is a schedule already.
    """

    def __init__(self, schedule: Callable[[int, float], float]) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule: expected a function of epoch and learning rate, got {schedule!r}")
        self.schedule = schedule

    def on_train_begin(self) -> None:
        check_no_schedule(self)

    def on_epoch_begin(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        optimizer.learning_rate = self.schedule(epoch, optimizer.learning_rate)


def check_no_schedule(callback: Callback) -> None:
    """ValueError if the optimizer's learning rate is a schedule, which the callback would end."""
    schedule = callback.model.optimizer.schedule
    if schedule is not None:
        raise ValueError(
            f"learning_rate: expected a number in an optimizer with {type(callback).__name__}, got {schedule!r}"
        )
