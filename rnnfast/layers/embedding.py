"""A table of vectors, looked up by integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnfast.arguments import check_flag
from rnnfast.constraints import Constraint
from rnnfast.initializers import Initializer
from rnnfast.layers.base import Layer, Shape
from rnnfast.layout import batch_major, contiguous, time_major
from rnnfast.parameters import RowGradient
from rnnfast.problem import check_size
from rnnfast.regularizers import Regularizer
from rnnfast.rows import gather
from rnnfast.typing import Array, Seed


class Embedding(Layer):
    """Maps integers (B, T) in 0..input_dim-1 to vectors (B, T, output_dim).

    Weights: embeddings (input_dim, output_dim). The gradient is kept by rows; see `rnnfast.rows`. A
    regularizer or constraint concerns every row at every step: the whole table is updated then.

    Args:
        input_dim: size of the vocabulary.
        output_dim: length of a vector.
        embeddings_initializer: name or object; "uniform" is U(-0.05, 0.05).
        embeddings_regularizer, activity_regularizer: names or objects of `rnnfast.regularizers`.
        embeddings_constraint: names or objects of `rnnfast.constraints`.
        mask_zero: whether 0 is padding, and the layers that follow are given the mask ids != 0.
        name, dtype, seed, input_shape: see Layer.
    """

    takes_integers = True
    supports_masking = True

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: str | Initializer = "uniform",
        *,
        embeddings_regularizer: str | Regularizer | None = None,
        activity_regularizer: str | Regularizer | None = None,
        embeddings_constraint: str | Constraint | None = None,
        mask_zero: bool = False,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(
            name=name,
            dtype=dtype,
            seed=seed,
            input_shape=input_shape or (None,),
            activity_regularizer=activity_regularizer,
        )
        check_size("input_dim", input_dim)
        check_size("output_dim", output_dim)
        self.input_dim, self.output_dim = int(input_dim), int(output_dim)
        self.mask_zero = check_flag("mask_zero", mask_zero)
        self._embeddings_options = self.weight_options(
            "embeddings", embeddings_initializer, embeddings_regularizer, embeddings_constraint
        )

    def check_input_shape(self, shape: Shape) -> None:
        if len(shape) != 2:
            raise ValueError(f"x: Embedding expected (batch, time), got shape {shape}")

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def make_weights(self, input_shape: Shape) -> None:
        shape = (self.input_dim, self.output_dim)
        self.table = self.add_weight("embeddings", shape, self._embeddings_options, sparse=True)

    def check_input(self, x: object) -> Array:
        ids = np.asarray(x)
        if ids.dtype.kind not in "iu":
            raise TypeError(f"x: Embedding expected integers, got dtype {ids.dtype}")
        self.check_input_shape(ids.shape)
        self._check_not_empty(ids)
        low, high = ids.min(), ids.max()
        if low < 0 or high >= self.input_dim:
            raise ValueError(
                f"x: Embedding expected integers in 0..{self.input_dim - 1}, got {low if low < 0 else high}"
            )
        return ids

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        return x != 0 if self.mask_zero else None

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        ids = contiguous(x.T)
        table = self.table
        if table.settle is not None:
            table.settle(ids)
        if training:
            self._ids = ids
        return batch_major(gather(table.value, ids))

    def backward(self, dy: Array) -> None:
        gradient = RowGradient(self._ids.reshape(-1), time_major(dy).reshape(-1, self.output_dim))
        if self.table.shared:
            rows, sums = self.home.rows.combine(*gradient)
            total = self.table.gradient  # dense, of the layer that shares it
            assert total is not None
            assert not isinstance(total, RowGradient)
            self.home.rows.put(total, rows, gather(total, rows) + sums)
        else:
            self.table.gradient = gradient
