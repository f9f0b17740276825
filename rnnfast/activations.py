"""Activations of a Dense layer: those of the recurrence (rnnfast.pointwise), and softmax.

Each is a pair: the function of pre-activations a (N, U), and its backward pass in terms of its value y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rnnfast import pointwise
from rnnfast.pointwise import Activation
from rnnfast.problem import check_option
from rnnfast.typing import Array


class DenseActivation(NamedTuple):
    """y = forward(a), da = backward(y, dy); a, y, dy and da are all (N, U)."""

    name: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]


def softmax(a: Array) -> Array:
    """exp(a) / sum exp(a) over the last axis, shifted by the maximum so that nothing overflows."""
    y: Array = a - a.max(axis=-1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)
    return y


def _softmax_backward(y: Array, dy: Array) -> Array:
    # da_i = y_i (dy_i - sum_j y_j dy_j)
    da: Array = y * (dy - (y * dy).sum(axis=-1, keepdims=True))
    return da


def _pointwise(given: str | Activation) -> DenseActivation:
    activation = pointwise.get(given)
    return DenseActivation(activation.name, activation.f, lambda y, dy: dy * activation.df(y))


KNOWN: dict[str, DenseActivation] = {
    **{name: _pointwise(name) for name in pointwise.ACTIVATIONS},
    "linear": DenseActivation("linear", lambda a: a, lambda y, dy: dy),
    "softmax": DenseActivation("softmax", softmax, _softmax_backward),
}


def get(activation: str | Activation | None) -> DenseActivation:
    """The activation of that name, or of that object; None means linear.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor an Activation.
    """
    if activation is None:
        return KNOWN["linear"]
    if not isinstance(activation, str):
        return _pointwise(activation)
    check_option("activation", activation, tuple(KNOWN))
    return KNOWN[activation]
