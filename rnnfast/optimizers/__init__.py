"""Optimizers, with the names and defaults of Keras 3."""

from __future__ import annotations

from collections.abc import Callable

from rnnfast.arguments import look_up
from rnnfast.optimizers.adagrad import Adagrad
from rnnfast.optimizers.adam import Adam
from rnnfast.optimizers.adamw import AdamW
from rnnfast.optimizers.base import Optimizer
from rnnfast.optimizers.nadam import Nadam
from rnnfast.optimizers.rmsprop import RMSprop
from rnnfast.optimizers.sgd import SGD

KNOWN: dict[str, Callable[[], Optimizer]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": Nadam,
    "rmsprop": RMSprop,
    "sgd": SGD,
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """A new optimizer of that name with its defaults, or the object itself.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor an Optimizer.
    """
    return look_up("optimizer", optimizer, Optimizer, KNOWN)


__all__ = ["KNOWN", "SGD", "Adagrad", "Adam", "AdamW", "Nadam", "Optimizer", "RMSprop", "get"]
