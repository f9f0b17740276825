"""Operators along axes: sums, means, products of matrices, softmax, the order of elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from rnnfast.activations import softmax
from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.onnx.operators.elementwise import integers, plain
from rnnfast.typing import Array


def _reduction(function: Callable[..., Any]) -> Builder:
    def build(node: Node) -> Function:
        keepdims = bool(node.attributes.get("keepdims", 1))
        nothing = bool(node.attributes.get("noop_with_empty_axes", 0))

        def reduce(x: Array, axes: Array | None = None) -> Array:
            along = integers(node.argument("axes", axes))
            if not along and nothing:
                return x
            return np.asarray(function(x, axis=along or None, keepdims=keepdims)).astype(x.dtype, copy=False)

        return reduce

    return build


def _mean(x: Array, **options: Any) -> Any:
    return np.mean(x, **options) if x.dtype.kind == "f" else np.trunc(np.mean(x, **options))


def _log_sum_exp(x: Array, axis: Any, keepdims: bool) -> Any:
    largest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)
    total = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return total if keepdims else np.squeeze(total, axis)


def _first(function: Callable[..., Any]) -> Builder:
    """The index of an extreme."""

    def build(node: Node) -> Function:
        axis = node.attributes.get("axis", 0)
        keepdims, last = node.attributes.get("keepdims", 1), node.attributes.get("select_last_index", 0)

        def find(x: Array) -> Array:
            index = function(np.flip(x, axis) if last else x, axis=axis)
            index = x.shape[axis] - 1 - index if last else index
            return np.asarray(np.expand_dims(index, axis) if keepdims else index, np.int64)

        return find

    return build


def _along(function: Callable[[Array], Array]) -> Builder:
    """A function along the last axis, of what lies along `axis`; before opset 13 along all axes from it on."""

    def build(node: Node) -> Function:
        axis = node.attributes.get("axis", -1 if node.opset >= 13 else 1)

        def apply(x: Array) -> Array:
            if node.opset >= 13:
                return np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)
            rows = x.reshape(math.prod(x.shape[: axis % (x.ndim + 1)]), -1)
            return function(rows).reshape(x.shape)

        return apply

    return build


def _log_softmax(a: Array) -> Array:
    shifted = a - a.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _gemm(node: Node) -> Function:
    alpha, beta = node.attributes.get("alpha", 1.0), node.attributes.get("beta", 1.0)
    turn_a, turn_b = node.attributes.get("transA", 0), node.attributes.get("transB", 0)

    def gemm(a: Array, b: Array, c: Array | None = None) -> Array:
        product = (a.T if turn_a else a) @ (b.T if turn_b else b)
        product = product if alpha == 1 else (alpha * product).astype(a.dtype)
        return product if c is None else product + (c if beta == 1 else (beta * c).astype(a.dtype))

    return gemm


def _einsum(node: Node) -> Function:
    return partial(np.einsum, node.attributes["equation"])


def _cumulative_sum(node: Node) -> Function:
    exclusive, backwards = node.attributes.get("exclusive", 0), node.attributes.get("reverse", 0)

    def cumulative_sum(x: Array, axis: Array) -> Array:
        along = int(axis.item())
        steps = np.flip(x, along) if backwards else x
        total = np.cumsum(steps, axis=along, dtype=x.dtype)
        total = total - steps if exclusive else total
        return np.flip(total, along) if backwards else total

    return cumulative_sum


def _top_k(node: Node) -> Function:
    axis, largest = node.attributes.get("axis", -1), node.attributes.get("largest", 1)

    def top_k(x: Array, k: Array | None = None) -> tuple[Array, Array]:
        (count,) = integers(node.argument("k", k))
        # Of equal elements the one with the lower index comes first, in either order.
        order = np.argsort(np.flip(x, axis) if largest else x, axis=axis, kind="stable")
        order = x.shape[axis] - 1 - np.flip(order, axis) if largest else order
        order = np.take(order, np.arange(count), axis=axis)
        return np.take_along_axis(x, order, axis), order

    return top_k


REDUCTIONS: dict[str, Builder] = {
    "ArgMax": _first(np.argmax),
    "ArgMin": _first(np.argmin),
    "CumSum": _cumulative_sum,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "LogSoftmax": _along(_log_softmax),
    "MatMul": plain(np.matmul),
    "ReduceL1": _reduction(lambda x, **options: np.sum(np.abs(x), **options)),
    "ReduceL2": _reduction(lambda x, **options: np.sqrt(np.sum(np.square(x), **options))),
    "ReduceLogSum": _reduction(lambda x, **options: np.log(np.sum(x, **options))),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceMax": _reduction(np.max),
    "ReduceMean": _reduction(_mean),
    "ReduceMin": _reduction(np.min),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "ReduceSumSquare": _reduction(lambda x, **options: np.sum(np.square(x), **options)),
    "Softmax": _along(softmax),
    "TopK": _top_k,
}
