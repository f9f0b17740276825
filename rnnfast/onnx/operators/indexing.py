"""Operators that take or put elements where other arrays say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.onnx.operators.elementwise import plain
from rnnfast.problem import check_option
from rnnfast.typing import Array

_REDUCE_AT: dict[str, Callable[..., None]] = {
    "add": np.add.at,
    "mul": np.multiply.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


def _gather(node: Node) -> Function:
    axis = node.attributes.get("axis", 0)
    return lambda x, indices: np.take(x, indices, axis)


def _gather_elements(node: Node) -> Function:
    axis = node.attributes.get("axis", 0)

    def gather(x: Array, indices: Array) -> Array:
        return np.take_along_axis(x, np.where(indices < 0, indices + x.shape[axis], indices), axis)

    return gather


def _gather_nd(node: Node) -> Function:
    batch_axes = node.attributes.get("batch_dims", 0)

    def gather(x: Array, indices: Array) -> Array:
        axes = indices.ndim - 1
        batch = [
            np.arange(indices.shape[axis]).reshape([-1 if axis == other else 1 for other in range(axes)])
            for axis in range(batch_axes)
        ]
        return np.asarray(x[(*batch, *np.moveaxis(indices, -1, 0))])

    return gather


def _put(node: Node, x: Array, where: Any, updates: Array) -> Array:
    """A copy of x with `updates` at an index, in the way that the node's `reduction` says."""
    y, reduction = x.copy(), node.attributes.get("reduction", "none")
    if reduction == "none":
        y[where] = updates
    else:
        _REDUCE_AT[reduction](y, where, updates)
    return y


def _scatter_nd(node: Node) -> Function:
    check_option("reduction", node.attributes.get("reduction", "none"), ("none", *_REDUCE_AT))
    return lambda x, indices, updates: _put(node, x, tuple(np.moveaxis(indices, -1, 0)), updates)


def _scatter_elements(node: Node) -> Function:
    axis = node.attributes.get("axis", 0)
    check_option("reduction", node.attributes.get("reduction", "none"), ("none", *_REDUCE_AT))

    def scatter(x: Array, indices: Array, updates: Array) -> Array:
        where: list[Array] = [*np.indices(indices.shape, sparse=True)]
        where[axis] = indices
        return _put(node, x, tuple(where), updates)

    return scatter


def _one_hot(node: Node) -> Function:
    axis = node.attributes.get("axis", -1)

    def one_hot(indices: Array, depth: Array, values: Array) -> Array:
        size = int(depth.item())
        at = np.where(indices < 0, indices + size, indices)
        return np.moveaxis(np.where(at[..., None] == np.arange(size), values[1], values[0]), -1, axis)

    return one_hot


INDEXING: dict[str, Builder] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "NonZero": plain(lambda x: np.argwhere(x).T),
    "OneHot": _one_hot,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
}
