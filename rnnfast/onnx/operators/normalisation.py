"""Normalisation, over features or with the statistics of training."""

from __future__ import annotations

import numpy as np

from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.typing import Array


def _layer_normalisation(node: Node) -> Function:
    """Over all axes from `axis` on; the mean and 1 / deviation are outputs too."""
    first, epsilon = node.attributes.get("axis", -1), node.attributes.get("epsilon", 1e-5)

    def normalise(x: Array, scale: Array, bias: Array | None = None) -> tuple[Array, Array, Array]:
        axes = tuple(range(first % x.ndim, x.ndim))
        wide = x.astype(np.promote_types(x.dtype, np.float32), copy=False)
        mean = wide.mean(axis=axes, keepdims=True)
        deviation = wide - mean
        inverse = 1 / np.sqrt(np.square(deviation).mean(axis=axes, keepdims=True) + wide.dtype.type(epsilon))
        y = (deviation * inverse).astype(x.dtype, copy=False) * scale
        return y if bias is None else y + bias, mean, inverse

    return normalise


def _batch_normalisation(node: Node) -> Function:
    """Features lie along axis 1."""
    epsilon = node.attributes.get("epsilon", 1e-5)
    if node.attributes.get("training_mode", 0) or node.outputs > 1:
        raise ValueError("training_mode: expected False and one output, for this is inference")
    if not node.attributes.get("spatial", 1):
        raise ValueError("spatial: expected 1, got 0")

    def normalise(x: Array, scale: Array, bias: Array, mean: Array, variance: Array) -> Array:
        rows = (-1, *(1,) * (x.ndim - 2))
        factor = scale / np.sqrt(variance + variance.dtype.type(epsilon))
        y = (x - mean.reshape(rows)) * factor.reshape(rows) + bias.reshape(rows)
        return np.asarray(y).astype(x.dtype, copy=False)

    return normalise


NORMALISATION: dict[str, Builder] = {
    "BatchNormalization": _batch_normalisation,
    "LayerNormalization": _layer_normalisation,
}
