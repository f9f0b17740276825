"""Optimizers: SGD, RMSprop and Adam, with the names and defaults of Keras 3."""

from __future__ import annotations

from collections.abc import Callable

from rnnfast.optimizers.adam import Adam
from rnnfast.optimizers.base import Optimizer
from rnnfast.optimizers.rmsprop import RMSprop
from rnnfast.optimizers.sgd import SGD
from rnnfast.problem import check_option

KNOWN: dict[str, Callable[[], Optimizer]] = {"adam": Adam, "rmsprop": RMSprop, "sgd": SGD}


def get(optimizer: str | Optimizer) -> Optimizer:
    """A new optimizer of that name with its defaults, or the object itself.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor an Optimizer.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise TypeError(f"optimizer: expected a name or an Optimizer, got {optimizer!r}")
    check_option("optimizer", optimizer, tuple(KNOWN))
    return KNOWN[optimizer]()


__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "get"]
