"""Inverted dropout."""

from __future__ import annotations

from collections.abc import Sequence

from rnnfast.arguments import check_number
from rnnfast.layers.base import Layer, Shape
from rnnfast.layout import as_rows, from_rows
from rnnfast.typing import Array, Seed


class Dropout(Layer):
    """In training, sets each element of x (B, F) or (B, T, F) to 0 with probability `rate` and scales up the rest.

    Args:
        rate: in 0..1, below 1.
        name, dtype, seed, input_shape: see Layer.
    """

    supports_masking = True

    def __init__(
        self,
        rate: float,
        *,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, seed=seed, input_shape=input_shape)
        self.rate = check_number("rate", rate, low=0, below=1)

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (2, 3), "(batch, features) or (batch, time, features)")

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        if not training:
            return x
        rows = as_rows(x)
        self._mask = self.masks.dropout(rows.shape, self.rate, self.dtype) if self.rate else None
        return x if self._mask is None else from_rows(rows * self._mask, x.shape)

    def backward(self, dy: Array) -> Array:
        return dy if self._mask is None else from_rows(as_rows(dy) * self._mask, dy.shape)
