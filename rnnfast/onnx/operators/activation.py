"""Activations as operators of their own: those that RNN has too, and others that stand behind it."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from rnnfast.onnx import activations
from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.onnx.operators.elementwise import plain
from rnnfast.pointwise import Activation
from rnnfast.problem import check_option
from rnnfast.typing import Array


def _as_in_rnn(name: str) -> Builder:
    def build(node: Node) -> Function:
        form = activations.FORMS[name]
        defaults = activations.parameters(Activation(name))
        values = tuple(
            node.attributes.get(key, default) for key, default in zip(form.parameters, defaults, strict=True)
        )
        return partial(activations.apply, name, values=values)

    return build


def _celu(node: Node) -> Function:
    alpha = node.attributes.get("alpha", 1.0)
    return lambda x: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(np.minimum(x, 0) / alpha))


_erf_of_each = np.frompyfunc(math.erf, 1, 1)


def _erf(x: Array) -> Array:
    return np.asarray(_erf_of_each(x)).astype(x.dtype)


def _gelu(node: Node) -> Function:
    kind = node.attributes.get("approximate", "none")
    check_option("approximate", kind, ("none", "tanh"))
    if kind == "tanh":
        return lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return lambda x: x / 2 * (1 + _erf(x / math.sqrt(2)))


def _mish(x: Array) -> Array:
    return x * np.tanh(activations.apply("softplus", x, ()))


ACTIVATION: dict[str, Builder] = {
    **{form.operator: _as_in_rnn(name) for name, form in activations.FORMS.items() if form.alone},
    "Celu": _celu,
    "Erf": plain(_erf),
    "Gelu": _gelu,
    "HardSwish": plain(lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "Mish": plain(_mish),
    "PRelu": plain(lambda x, slope: np.where(x < 0, slope * x, x)),
}
