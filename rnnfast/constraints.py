"""Constraints on weights, with the definitions of Keras 3: applied to a whole weight after every step.

Weights come in Keras's shapes: a kernel is (inputs, units), so that axis 0, the default, is the norm of what goes
into one unit, and an Embedding's vectors have axis 1. Where a norm is divided by, 1e-7 is added to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnfast.arguments import check_number, look_up
from rnnfast.configuration import Configurable
from rnnfast.typing import Array

EPSILON = 1e-7


class Constraint(Configurable, ABC):
    """Moves a weight to where it may be."""

    @abstractmethod
    def __call__(self, w: Array) -> Array:
        """The weight nearest to `w` that is allowed, or a step towards it; `w` stays as it is."""

    def check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """ValueError if the weight `name` of that shape cannot be constrained so."""


class NonNeg(Constraint):
    """max(w, 0)."""

    def __call__(self, w: Array) -> Array:
        return np.maximum(w, 0)


@dataclass(frozen=True)
class MinMaxNorm(Constraint):
    """Scales each norm n along `axis` to rate clip(n, min_value, max_value) + (1 - rate) n.

    Args:
        min_value, max_value: at least 0, the second at least the first.
        rate: in 0..1; 1 enforces the range at once.
        axis: of a weight in Keras's shape; or several.
    """

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: int | Sequence[int] = 0

    def __post_init__(self) -> None:
        if isinstance(self.axis, list):
            object.__setattr__(self, "axis", tuple(self.axis))  # a file makes a list of a tuple
        check_number("min_value", self.min_value, low=0)
        check_number("max_value", self.max_value, low=self.min_value)
        check_number("rate", self.rate, low=0, high=1)
        for axis in self._axes():
            if isinstance(axis, bool) or not isinstance(axis, int):
                raise TypeError(f"axis: expected an integer or a tuple of integers, got {self.axis!r}")

    def __call__(self, w: Array) -> Array:
        norms = np.sqrt((w * w).sum(axis=self._axes(), keepdims=True))
        desired = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        result: Array = w * (desired / (EPSILON + norms))
        return result

    def check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        for axis in self._axes():
            if not -len(shape) <= axis < len(shape):
                raise ValueError(f"axis: expected one of {name} of shape {shape}, got {axis}")

    def _axes(self) -> tuple[int, ...]:
        return self.axis if isinstance(self.axis, tuple) else (self.axis,)


class MaxNorm(MinMaxNorm):
    """Scales norms along `axis` that are above `max_value` down to it."""

    def __init__(self, max_value: float = 2.0, axis: int | Sequence[int] = 0) -> None:
        super().__init__(max_value=max_value, axis=axis)


class UnitNorm(MinMaxNorm):
    """Scales every norm along `axis` to 1; what is 0 stays 0."""

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        super().__init__(min_value=1.0, max_value=1.0, axis=axis)


KNOWN: dict[str, Callable[[], Constraint]] = {
    "max_norm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "unit_norm": UnitNorm,
}


def get(name: str, constraint: str | Constraint | None) -> Constraint | None:
    """The constraint that the argument `name` asks for, by its Keras name or as an object; None stays None.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor a Constraint.
    """
    return None if constraint is None else look_up(name, constraint, Constraint, KNOWN)
