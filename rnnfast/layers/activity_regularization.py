"""A penalty on what passes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnnfast.layers.base import Layer, Shape
from rnnfast.regularizers import L1L2, Regularizer
from rnnfast.typing import Array, Seed


class ActivityRegularization(Layer):
    """Passes x (B, F) or (B, T, F) on, and adds (l1 sum |x| + l2 sum x^2) / B to the loss of its model.

    Args:
        l1, l2: at least 0.
        name, dtype, seed, input_shape: see Layer.
    """

    supports_masking = True

    def __init__(
        self,
        l1: float = 0.0,
        l2: float = 0.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, seed=seed, input_shape=input_shape, activity_regularizer=L1L2(l1, l2))
        self.l1, self.l2 = l1, l2

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (2, 3), "(batch, features) or (batch, time, features)")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return dy


class ActivityPenalty:
    """A layer's `activity_regularizer` at work: what a model adds to the loss, and to the gradient by the output y."""

    def __init__(self, regularizer: Regularizer) -> None:
        self._regularizer = regularizer

    def forward(self, y: Array) -> Any:
        """The penalty of y (B, ...), divided by the batch; a number, where y lies."""
        self._y = y
        return self._regularizer.penalty(y) / len(y)

    def backward(self, dy: Array) -> Array:
        """dy with the penalty's gradient added."""
        total: Array = dy + self._regularizer.gradient(self._y) / len(self._y)
        return total
