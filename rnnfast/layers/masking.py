"""A mask from the values of a sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.layers.base import Layer, Shape
from rnnfast.layout import batch_major, time_major
from rnnfast.typing import Array, Seed


class Masking(Layer):
    """Masks each step of x (B, T, F) whose features all equal `mask_value`; its output there is 0.

    Args:
        mask_value: a finite number.
        name, dtype, seed, input_shape: see Layer.
    """

    supports_masking = True

    def __init__(
        self,
        mask_value: float = 0.0,
        *,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, seed=seed, input_shape=input_shape)
        self.mask_value = check_number("mask_value", mask_value)

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (3,), "(batch, time, features)")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        valid: Array = (x != self.mask_value).any(axis=-1)
        return valid

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        steps = time_major(x)
        valid = (steps != self.mask_value).any(axis=-1, keepdims=True)
        if training:
            self._valid = valid
        return batch_major(np.where(valid, steps, 0))

    def backward(self, dy: Array) -> Array:
        return batch_major(np.where(self._valid, time_major(dy), 0))
