"""Operators on the elements of arrays, which broadcast as NumPy does."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.typing import Array


def plain(function: Callable[..., Any]) -> Builder:
    """An operator without attributes that is a function of arrays."""
    return lambda node: function


def integers(values: Any) -> tuple[int, ...]:
    """Axes or sizes, of an array, a list, a number, or None for none."""
    return () if values is None else tuple(int(value) for value in np.asarray(values).reshape(-1))


def _binary(function: Callable[..., Any]) -> Builder:
    def build(node: Node) -> Function:
        # Before opset 7 arrays broadcast only where that is asked for, b along the axes of a from `axis` on.
        axis = node.attributes.get("axis")
        if node.opset >= 7 or axis is None:
            return function
        return lambda a, b: function(a, b.reshape(*b.shape, *(1,) * (a.ndim - axis % a.ndim - b.ndim)))

    return build


def _variadic(function: Callable[..., Any]) -> Builder:
    return lambda node: lambda *arrays: np.asarray(reduce(function, arrays))


def _mean(node: Node) -> Function:
    return lambda *arrays: np.asarray(reduce(np.add, arrays) / arrays[0].dtype.type(len(arrays)))


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind not in "iu":
        return np.asarray(a / b)
    quotient = a // b  # towards minus infinity, where ONNX has towards 0
    return np.asarray(quotient + ((quotient < 0) & (quotient * b != a)).astype(a.dtype))


def _power(a: Array, b: Array) -> Array:
    return np.asarray(np.power(a, b)).astype(a.dtype, copy=False)


def _clip(node: Node) -> Function:
    def clip(x: Array, low: Array | None = None, high: Array | None = None) -> Array:
        least, most = node.argument("min", low), node.argument("max", high)
        x = x if least is None else np.maximum(x, np.asarray(least, x.dtype))
        return x if most is None else np.minimum(x, np.asarray(most, x.dtype))

    return clip


def _modulo(node: Node) -> Function:
    return np.fmod if node.attributes.get("fmod", 0) else np.mod


def _is_infinite(node: Node) -> Function:
    low, high = node.attributes.get("detect_negative", 1), node.attributes.get("detect_positive", 1)
    return lambda x: np.isinf(x) & np.where(x > 0, bool(high), bool(low))


def _dropout(node: Node) -> Function:
    def keep(x: Array, ratio: Array | None = None, training: Array | None = None) -> Array | tuple[Array, ...]:
        if training is not None and training and (ratio is None or ratio > 0):
            raise ValueError("training_mode: expected False, for this is inference, got True")
        return x if node.outputs == 1 else (x, np.ones(x.shape, np.bool_ if node.opset >= 10 else x.dtype))

    return keep


ELEMENTWISE: dict[str, Builder] = {
    "Abs": plain(np.abs),
    "Add": _binary(np.add),
    "And": _binary(np.logical_and),
    "Ceil": plain(np.ceil),
    "Clip": _clip,
    "Cos": plain(np.cos),
    "Div": _binary(_divide),
    "Dropout": _dropout,
    "Equal": _binary(np.equal),
    "Exp": plain(np.exp),
    "Floor": plain(np.floor),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": plain(np.greater_equal),
    "Identity": plain(lambda x: x),
    "IsInf": _is_infinite,
    "IsNaN": plain(np.isnan),
    "Less": _binary(np.less),
    "LessOrEqual": plain(np.less_equal),
    "Log": plain(np.log),
    "Max": _variadic(np.maximum),
    "Mean": _mean,
    "Min": _variadic(np.minimum),
    "Mod": _modulo,
    "Mul": _binary(np.multiply),
    "Neg": plain(np.negative),
    "Not": plain(np.logical_not),
    "Or": _binary(np.logical_or),
    "Pow": _binary(_power),
    "Reciprocal": plain(np.reciprocal),
    "Round": plain(np.rint),
    "Sign": plain(np.sign),
    "Sin": plain(np.sin),
    "Sqrt": plain(np.sqrt),
    "Sub": _binary(np.subtract),
    "Sum": _variadic(np.add),
    "Where": plain(np.where),
    "Xor": _binary(np.logical_xor),
}
