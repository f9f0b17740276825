"""A weight, its gradient, and the gradient of a table of which a batch touches a few rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rnnfast.constraints import Constraint
from rnnfast.home import HOST, ModelHome, to_host
from rnnfast.regularizers import Regularizer
from rnnfast.rows import gather
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
        home: where `value` and `gradient` lie.
        value: C-contiguous, in the layout that the kernels read; an optimizer updates it in place, and may move it
            into a buffer of its own, so that nobody else may hold on to it.
        transposed: `value` is the transpose of what Keras shows; of several matrices, that of each.
        sparse: a table whose gradient comes as a RowGradient.
        regularizer: of the penalty that a model adds to its loss; None for none.
        constraint: what an optimizer applies to the whole weight after each step; None for none.
        gradient: of the last backward pass.
        shared: a table that a later layer uses too, and to whose gradient this layer's is added.
        settle: where an optimizer owes rows of `value` some updates, pays those of the given rows (None: all).
    """

    __slots__ = (
        *("constraint", "gradient", "home", "name", "regularizer", "settle", "shared", "sparse", "transposed", "value"),
    )

    def __init__(
        self,
        name: str,
        value: Array,
        *,
        transposed: bool = False,
        sparse: bool = False,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
        home: ModelHome = HOST,
    ) -> None:
        if constraint is not None:
            constraint.check_shape(name, value.shape)
        self.name = name
        self.home = home
        self.value = home.upload(np.ascontiguousarray(value.swapaxes(-2, -1)) if transposed else value)
        self.transposed = transposed
        self.sparse = sparse
        self.regularizer = regularizer
        self.constraint = constraint
        self.shared = False
        self.gradient: Gradient | None = None
        self.settle: Callable[[Array | None], None] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that Keras shows."""
        return self._shown().shape

    @property
    def by_rows(self) -> bool:
        """Whether a step may leave alone the rows that its batch does not touch."""
        return self.sparse and not self.shared and self.regularizer is None and self.constraint is None

    def penalty(self) -> Any:
        """What the regularizer adds to the loss: a number, where the weight lies."""
        return 0.0 if self.regularizer is None else self.regularizer.penalty(self._shown())

    def add_penalty_gradient(self) -> None:
        """Adds the regularizer's gradient to `gradient`, which is an array of the shape of `value` then."""
        if self.regularizer is None:
            return
        total = self.regularizer.gradient(self._shown())
        if isinstance(self.gradient, RowGradient):
            rows, sums = self.home.rows.combine(*self.gradient)
            self.home.rows.put(total, rows, gather(total, rows) + sums)
        else:
            total = (total.swapaxes(-2, -1) if self.transposed else total) + self.gradient
        self.gradient = total

    def constrain(self) -> None:
        """Moves the weight to where its constraint lets it be."""
        if self.constraint is not None:
            shown = self._shown()
            shown[...] = self.constraint(shown)

    def read(self) -> Array:
        """A copy on the CPU in Keras's layout, C-contiguous, with nothing owed."""
        if self.settle is not None:
            self.settle(None)
        return self.snapshot()

    def snapshot(self) -> Array:
        """As `read`, but of the value as it stands: what is owed stays owed."""
        return np.array(to_host(self._shown()), order="C")

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
        self._shown()[...] = self.home.upload(value)

    def _shown(self) -> Array:
        """`value` as a view in Keras's layout."""
        return self.value.swapaxes(-2, -1) if self.transposed else self.value
