"""Callbacks of one line each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rnnfast.callbacks.base import HOOKS, Callback, Logs


class TerminateOnNaN(Callback):
    """Ends the training after a batch in which the loss is NaN or infinite."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            self.model.stop_training = True


class LambdaCallback(Callback):
    """Calls a function at each hook that is given one.

    Args:
        hooks: functions by the names of the hooks of `Callback`, of the same arguments.

    Raises:
        TypeError: a name that is no hook, or no function.
    """

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        for name, function in hooks.items():
            if name not in HOOKS:
                raise TypeError(f"{name}: expected one of the hooks {', '.join(HOOKS)}, got another name")
            if not callable(function):
                raise TypeError(f"{name}: expected a function, got {function!r}")
            setattr(self, name, function)
