"""Penalties on weights and outputs, with the definitions of Keras 3.

A penalty is added to the loss, and its gradient to the gradient of the loss. Weights come in Keras's shapes: a kernel
is (inputs, units). |w| is taken to have the derivative 0 at 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfast.arguments import check_number, look_up
from rnnfast.configuration import Configurable
from rnnfast.layout import contiguous
from rnnfast.problem import check_option
from rnnfast.typing import Array

NORM_FLOOR = 1e-7
"""OrthogonalRegularizer divides no row by less than this, as Keras does."""


class Regularizer(Configurable, ABC):
    """A penalty that depends on one array."""

    @abstractmethod
    def penalty(self, w: Array) -> Any:
        """The penalty of `w`, a number in float64 that lies where `w` does."""

    @abstractmethod
    def gradient(self, w: Array) -> Array:
        """Its gradient by `w`: a new array of the shape and dtype of `w`."""


@dataclass(frozen=True)
class L1L2(Regularizer):
    """l1 sum |w| + l2 sum w^2.

    Args:
        l1, l2: at least 0.
    """

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        check_number("l1", self.l1, low=0)
        check_number("l2", self.l2, low=0)

    def penalty(self, w: Array) -> Any:
        total = np.float64(self.l1) * np.abs(w).sum() if self.l1 else 0.0
        return total + (np.float64(self.l2) * (w * w).sum() if self.l2 else 0.0)

    def gradient(self, w: Array) -> Array:
        result: Array = (2 * self.l2) * w
        if self.l1:
            result += self.l1 * np.sign(w)
        return result


class L1(L1L2):
    """l1 sum |w|."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 sum w^2."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


@dataclass(frozen=True)
class OrthogonalRegularizer(Regularizer):
    """factor times the mean of |cos| of the angle between two rows (or columns), over all pairs of them.

    A single row has no pair, and penalty 0; there Keras has 0 / 0. Of several matrices (heads, n, n) the penalties are
    added up.

    Args:
        factor: at least 0.
        mode: "rows" or "columns" of a weight (inputs, units).
    """

    factor: float = 0.01
    mode: str = "rows"

    def __post_init__(self) -> None:
        check_number("factor", self.factor, low=0)
        check_option("mode", self.mode, ("rows", "columns"))

    def penalty(self, w: Array) -> Any:
        unit, _ = self._unit_rows(w)
        cosines = np.abs(unit @ unit.swapaxes(-2, -1))
        return np.float64(self._weight(unit)) * (cosines * _pairs(unit)).sum()

    def gradient(self, w: Array) -> Array:
        unit, norms = self._unit_rows(w)
        signs = np.sign(unit @ unit.swapaxes(-2, -1)) * _pairs(unit)
        d_unit = 2 * self._weight(unit) * (signs @ unit)
        # unit = w / |w|; where the floor binds, unit = w / floor
        along = np.where(norms > NORM_FLOOR, (d_unit * unit).sum(axis=-1, keepdims=True), 0)
        rows = (d_unit - along * unit) / np.maximum(norms, NORM_FLOOR)
        return contiguous(rows if self.mode == "rows" else rows.swapaxes(-2, -1)).astype(w.dtype, copy=False)

    def _unit_rows(self, w: Array) -> tuple[Array, Array]:
        """The rows (or columns) of unit length, one a row, and their norms (..., n, 1) before."""
        if w.ndim not in (2, 3):
            raise ValueError(f"w: expected two or three axes for OrthogonalRegularizer, got shape {w.shape}")
        rows = w if self.mode == "rows" else w.swapaxes(-2, -1)
        norms = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
        return rows / np.maximum(norms, NORM_FLOOR), norms

    def _weight(self, rows: Array) -> float:
        """Of each |cos|, where every pair of rows counts twice."""
        size = rows.shape[-2]
        return self.factor / (size * (size - 1)) if size > 1 else 0.0


def _pairs(rows: Array) -> Array:
    """(n, n): 1 for two rows, 0 for one with itself."""
    return np.asarray(1 - np.eye(rows.shape[-2], dtype=rows.dtype), like=rows)


KNOWN: dict[str, Callable[[], Regularizer]] = {
    "l1": L1,
    "l1_l2": L1L2,
    "l2": L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}


def get(name: str, regularizer: str | Regularizer | None) -> Regularizer | None:
    """The regularizer that the argument `name` asks for, by its Keras name or as an object; None stays None.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor a Regularizer.
    """
    return None if regularizer is None else look_up(name, regularizer, Regularizer, KNOWN)
