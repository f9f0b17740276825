"""The activations as device functions: f of a pre-activation, and f' in terms of y = f(a).

Their names are those of `rnnfast.pointwise.ACTIVATIONS`, which checks alpha and beta. Comparisons in place of min and
max: a NaN must stay one.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import cuda


class Functions(NamedTuple):
    """Device functions of one number."""

    f: Any
    df: Any


@lru_cache
def pointwise(
    name: str, dtype: str, alpha: float | None = None, beta: float | None = None, clip: float | None = None
) -> Functions:
    """The activation `name` with its parameters, of pre-activations that are clamped to [-clip, clip] first."""
    T = np.dtype(dtype).type
    parameters = (None if number is None else T(number) for number in (alpha, beta))
    f, df = (cuda.jit(device=True)(function) for function in table(T, *parameters)[name])
    return Functions(f, df) if clip is None else clamped(T, f, df, T(clip))


def table(T: Any, alpha: Any, beta: Any) -> dict[str, tuple[Any, Any]]:
    """f(a) and df(y) by name."""
    zero, one, largest = T(0), T(1), np.finfo(T).max

    def sigmoid(a):
        z = math.exp(-abs(a))
        return (z if a < zero else one) / (one + z)

    def softsign(a):  # of infinity, 1
        magnitude = largest if abs(a) > largest else abs(a)
        return math.copysign(magnitude / (one + magnitude), a)

    def hard_tanh(a):
        return alpha if a < alpha else beta if a > beta else a

    def hard_sigmoid(a):
        y = alpha * a + beta
        return zero if y < zero else one if y > one else y

    return {
        "tanh": (lambda a: math.tanh(a), lambda y: one - y * y),
        "relu": (lambda a: zero if a < zero else a, lambda y: one if y > zero else zero),
        "sigmoid": (sigmoid, lambda y: y * (one - y)),
        "linear": (lambda a: a, lambda y: one),
        "leaky_relu": (lambda a: alpha * a if a < zero else a, lambda y: one if y > zero else alpha),
        "thresholded_relu": (lambda a: zero if a <= alpha else a, lambda y: one if y > zero else zero),
        "elu": (lambda a: alpha * math.expm1(a) if a < zero else a, lambda y: one if y > zero else y + alpha),
        "selu": (
            lambda a: beta * (alpha * math.expm1(a) if a < zero else a),
            lambda y: beta if y > zero else y + alpha * beta,
        ),
        "softplus": (
            lambda a: (zero if a < zero else a) + math.log1p(math.exp(-abs(beta * a))) / beta,
            lambda y: -math.expm1(-beta * y),
        ),
        "softsign": (softsign, lambda y: (one - abs(y)) * (one - abs(y))),
        "hard_tanh": (hard_tanh, lambda y: one if alpha < y and y < beta else zero),
        "hard_sigmoid": (hard_sigmoid, lambda y: alpha if zero < y and y < one else zero),
        "scaled_tanh": (
            lambda a: alpha * math.tanh(beta * a),
            lambda y: (alpha - y) * (alpha + y) * (beta / alpha),
        ),
        "affine": (lambda a: alpha * a + beta, lambda y: alpha),
    }


def clamped(T: Any, f: Any, df: Any, clip: Any) -> Functions:
    """f of the clamped pre-activation; the derivative is 0 where y is at or beyond f(clip) or f(-clip)."""
    zero = T(0)

    @cuda.jit(device=True)
    def clamped_f(a):
        return f(-clip if a < -clip else clip if a > clip else a)

    @cuda.jit(device=True)
    def clamped_df(y):
        low, high = f(-clip), f(clip)
        if low > high:
            low, high = high, low
        return zero if y <= low or y >= high else df(y)

    return Functions(clamped_f, clamped_df)
