"""A mask of the steps that are not numbers."""

from __future__ import annotations

import numpy as np

from rnnfast.layers.base import Layer, Shape
from rnnfast.layout import batch_major, time_major
from rnnfast.typing import Array


class Padding(Layer):
    """Masks each step of x (B, T, F) whose features are all NaN; its output there is 0.

    There is no mask where there is no such step. What stands before it has no gradient there.

    Args:
        name, dtype, seed, input_shape: see Layer.
    """

    supports_masking = True

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (3,), "(batch, time, features)")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        valid: Array = np.logical_not(np.isnan(x).all(axis=-1))
        if valid.all():
            return mask
        return valid if mask is None else valid & mask

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        valid = self.compute_mask(x)
        if training:
            self._valid = valid
        return _zero_outside(valid, x)

    def backward(self, dy: Array) -> Array:
        return _zero_outside(self._valid, dy)


def _zero_outside(valid: Array | None, x: Array) -> Array:
    return x if valid is None else batch_major(np.where(valid.T[:, :, None], time_major(x), 0))
