"""Operators on the elements of arrays, which broadcast as NumPy does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from rnnfast.onnx import activations
from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.pointwise import Activation
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


def _activation(name: str) -> Builder:
    def build(node: Node) -> Function:
        form = activations.FORMS[name]
        defaults = activations.parameters(Activation(name))
        values = tuple(
            node.attributes.get(key, default) for key, default in zip(form.parameters, defaults, strict=True)
        )
        return partial(activations.apply, name, values=values)

    return build


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


def _dropout(node: Node) -> Function:
    def keep(x: Array, ratio: Array | None = None, training: Array | None = None) -> Array | tuple[Array, ...]:
        if training is not None and training and (ratio is None or ratio > 0):
            raise ValueError("training_mode: expected False, for this is inference, got True")
        return x if node.outputs == 1 else (x, np.ones(x.shape, np.bool_ if node.opset >= 10 else x.dtype))

    return keep


ELEMENTWISE: dict[str, Builder] = {
    **{form.operator: _activation(name) for name, form in activations.FORMS.items() if form.alone},
    "Abs": plain(np.abs),
    "Add": _binary(np.add),
    "And": _binary(np.logical_and),
    "Ceil": plain(np.ceil),
    "Clip": _clip,
    "Div": _binary(_divide),
    "Dropout": _dropout,
    "Equal": _binary(np.equal),
    "Exp": plain(np.exp),
    "Floor": plain(np.floor),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": plain(np.greater_equal),
    "Identity": plain(lambda x: x),
    "Less": _binary(np.less),
    "LessOrEqual": plain(np.less_equal),
    "Log": plain(np.log),
    "Max": _variadic(np.maximum),
    "Min": _variadic(np.minimum),
    "Mul": _binary(np.multiply),
    "Neg": plain(np.negative),
    "Not": plain(np.logical_not),
    "Or": _binary(np.logical_or),
    "Pow": _binary(_power),
    "Reciprocal": plain(np.reciprocal),
    "Sign": plain(np.sign),
    "Sqrt": plain(np.sqrt),
    "Sub": _binary(np.subtract),
    "Sum": _variadic(np.add),
    "Where": plain(np.where),
    "Xor": _binary(np.logical_xor),
}
