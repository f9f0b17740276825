"""Operators that make arrays, or put their elements elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rnnfast.onnx.element_types import dtype_of
from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.onnx.operators.elementwise import integers, plain
from rnnfast.problem import check_option
from rnnfast.typing import Array


def _cast(node: Node) -> Function:
    dtype = dtype_of(node.attributes["to"])
    return lambda x: x.astype(dtype)


def _constant(node: Node) -> Function:
    kinds: dict[str, Any] = {"value_float": np.float32, "value_int": np.int64}
    kinds |= {"value_floats": np.float32, "value_ints": np.int64, "value": None}
    ((kind, value),) = node.attributes.items()
    if kind not in kinds:
        raise ValueError(f"expected one of {', '.join(kinds)}, got {kind}")
    array = np.asarray(value, kinds[kind])
    return lambda: array


def _constant_of_shape(node: Node) -> Function:
    value = node.attributes.get("value", np.zeros(1, np.float32))
    return lambda shape: np.full(integers(shape), value.item(), value.dtype)


def _shape(node: Node) -> Function:
    part = slice(node.attributes.get("start", 0), node.attributes.get("end"))
    return lambda x: np.array(x.shape[part], np.int64)


def _reshape(node: Node) -> Function:
    as_it_is = node.attributes.get("allowzero", 0)

    def reshape(x: Array, shape: Array | None = None) -> Array:
        sizes = integers(node.argument("shape", shape))
        return x.reshape([x.shape[axis] if size == 0 and not as_it_is else size for axis, size in enumerate(sizes)])

    return reshape


def _flatten(node: Node) -> Function:
    axis = node.attributes.get("axis", 1)
    return lambda x: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _squeeze(node: Node) -> Function:
    def squeeze(x: Array, axes: Array | None = None) -> Array:
        along = node.argument("axes", axes)
        return np.squeeze(x, None if along is None else integers(along))

    return squeeze


def _unsqueeze(node: Node) -> Function:
    def unsqueeze(x: Array, axes: Array | None = None) -> Array:
        return np.expand_dims(x, integers(node.argument("axes", axes)))

    return unsqueeze


def _transpose(node: Node) -> Function:
    axes = node.attributes.get("perm")
    return lambda x: x.transpose(axes)


def _concat(node: Node) -> Function:
    axis = node.attributes.get("axis", 1)
    return lambda *arrays: np.concatenate(arrays, axis)


def _split(node: Node) -> Function:
    axis = node.attributes.get("axis", 0)

    def split(x: Array, sizes: Array | None = None) -> tuple[Array, ...]:
        given = integers(node.argument("split", sizes))
        each = given or (-(-x.shape[axis] // node.outputs),) * node.outputs  # the last is what is left
        return tuple(np.split(x, np.cumsum(each)[:-1], axis))

    return split


def _slice(node: Node) -> Function:
    def cut(
        x: Array,
        starts: Array | None = None,
        ends: Array | None = None,
        axes: Array | None = None,
        steps: Array | None = None,
    ) -> Array:
        given = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
        first, last, along, strides = (integers(node.argument(name, value)) for name, value in given.items())
        parts = [slice(None)] * x.ndim
        for axis, start, end, step in zip(
            along or range(len(first)), first, last, strides or (1,) * len(first), strict=True
        ):
            # Python's slice counts from the end too, but has no number for "before the first" on the way back.
            parts[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
        return x[tuple(parts)]

    return cut


def _expand(x: Array, shape: Array) -> Array:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, integers(shape)))


def _pad(node: Node) -> Function:
    mode = node.attributes.get("mode", "constant")
    check_option("mode", mode, ("constant", "edge", "reflect", "wrap"))

    def pad(x: Array, pads: Array | None = None, value: Array | None = None, axes: Array | None = None) -> Array:
        sizes, fill = integers(node.argument("pads", pads)), node.argument("value", value)
        along = range(x.ndim) if axes is None else integers(axes)
        around, inner = [(0, 0)] * x.ndim, [slice(None)] * x.ndim
        for axis, before, after in zip(along, sizes[: len(along)], sizes[len(along) :], strict=True):
            around[axis] = max(before, 0), max(after, 0)
            inner[axis] = slice(max(-before, 0), x.shape[axis] + min(after, 0))  # less than none: cut off
        options: Any = {"constant_values": 0 if fill is None else fill} if mode == "constant" else {}
        return np.pad(x[tuple(inner)], around, mode, **options)

    return pad


def _triangle(node: Node) -> Function:
    part = np.triu if node.attributes.get("upper", 1) else np.tril
    return lambda x, k=None: part(x, 0 if k is None else int(k.item()))


def _range(start: Array, limit: Array, delta: Array) -> Array:
    return np.asarray(np.arange(start.item(), limit.item(), delta.item()), start.dtype)


def _reverse_sequence(node: Node) -> Function:
    time, batch = node.attributes.get("time_axis", 0), node.attributes.get("batch_axis", 1)

    def reverse(x: Array, lengths: Array) -> Array:
        steps = np.moveaxis(x, (time, batch), (0, 1))
        at = np.arange(len(steps))[:, None]
        source = np.where(at < lengths, lengths - 1 - at, at)
        return np.moveaxis(steps[source, np.arange(len(lengths))], (0, 1), (time, batch))

    return reverse


SHAPES: dict[str, Builder] = {
    "Cast": _cast,
    "CastLike": plain(lambda x, target: x.astype(target.dtype)),
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Expand": plain(_expand),
    "Flatten": _flatten,
    "Pad": _pad,
    "Range": plain(_range),
    "Reshape": _reshape,
    "ReverseSequence": _reverse_sequence,
    "Shape": _shape,
    "Size": plain(lambda x: np.array(x.size, np.int64)),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": plain(lambda x, repeats: np.tile(x, integers(repeats))),
    "Transpose": _transpose,
    "Trilu": _triangle,
    "Unsqueeze": _unsqueeze,
}
