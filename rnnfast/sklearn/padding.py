"""Sequences of different lengths side by side."""

from __future__ import annotations

import numpy as np

from rnnfast.layers import Layer
from rnnfast.layers.base import Shape
from rnnfast.typing import Array


class Padding(Layer):
    """Masks the steps of x (B, T, F) that are NaN, which valid input never is; there is no mask where none are.

    The first layer of a model: nothing before it wants a gradient.
    """

    supports_masking = True

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (3,), "(batch, time, features)")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        valid = ~np.isnan(x[..., 0])
        return None if valid.all() else valid

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        return x  # what a masked step holds is never read

    def backward(self, dy: Array) -> None:
        return None
