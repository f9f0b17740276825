"""A weight, its gradient, and the gradient of a table of which a batch touches a few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from rnnfast.typing import Array


class RowGradient(NamedTuple):
    """The gradient of a table (V, E): `values` (N, E) added at the rows `ids` (N,), which may repeat."""

    ids: Array
    values: Array


Gradient: TypeAlias = Array | RowGradient


class Parameter:
    """One weight of a layer.

    Attributes:
        name: as Keras calls it ("kernel", "bias", ...).
        value: C-contiguous, in the layout that the kernels read; an optimizer updates it in place, and may move it
            into a buffer of its own, so that nobody else may hold on to it.
        transposed: `value` is the transpose of what Keras shows.
        sparse: a table whose gradient comes as a RowGradient.
        gradient: of the last backward pass.
        shared: a table that a later layer uses too, and to whose gradient this layer's is added.
        settle: where an optimizer owes rows of `value` some updates, pays those of the given rows (None: all).
    """

    __slots__ = ("gradient", "name", "settle", "shared", "sparse", "transposed", "value")

    def __init__(self, name: str, value: Array, *, transposed: bool = False, sparse: bool = False) -> None:
        self.name = name
        self.value = np.ascontiguousarray(value.T) if transposed else value
        self.transposed = transposed
        self.sparse = sparse
        self.shared = False
        self.gradient: Gradient | None = None
        self.settle: Callable[[Array | None], None] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that Keras shows."""
        return self.value.shape[::-1] if self.transposed else self.value.shape

    def read(self) -> Array:
        """A copy in Keras's layout, C-contiguous, with nothing owed."""
        if self.settle is not None:
            self.settle(None)
        return self.snapshot()

    def snapshot(self) -> Array:
        """As `read`, but of the value as it stands: what is owed stays owed."""
        return np.array(self.value.T if self.transposed else self.value, order="C")

    def check(self, name: str, value: object) -> Array:
        """`value`, the argument `name`, as an array that `write` takes.

        Raises:
            ValueError: another shape. TypeError: no real numbers.
        """
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(f"{name}: expected shape {self.shape}, got {array.shape}")
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
        return array

    def write(self, value: Array) -> None:
        """Takes the numbers of `value`, in Keras's layout and checked; nothing that was owed is added later."""
        if self.settle is not None:
            self.settle(None)
        self.value[...] = value.T if self.transposed else value
