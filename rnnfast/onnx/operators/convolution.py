"""Convolutions, as they stand before recurrent layers, and pooling over all steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.onnx.operators.elementwise import plain
from rnnfast.problem import check_option
from rnnfast.typing import Array

PADDINGS = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def _convolution(node: Node) -> Function:
    """y[n, m, p] = b[m] + sum over c, k of x[n, c, p stride + k dilation] w[m, c, k], for any number of axes p, k."""
    attributes = node.attributes
    groups, automatic = attributes.get("group", 1), attributes.get("auto_pad", "NOTSET")
    check_option("auto_pad", automatic, PADDINGS)

    def convolve(x: Array, w: Array, b: Array | None = None) -> Array:
        axes = tuple(range(2, x.ndim))
        strides = attributes.get("strides", [1] * len(axes))
        dilations = attributes.get("dilations", [1] * len(axes))
        sizes = [(size - 1) * by + 1 for size, by in zip(w.shape[2:], dilations, strict=True)]
        pads = attributes.get("pads", [0, 0] * len(axes))
        around = list(zip(pads[: len(axes)], pads[len(axes) :], strict=True))
        if automatic != "NOTSET":
            around = [_around(automatic, *each) for each in zip(x.shape[2:], sizes, strides, strict=True)]
        every = tuple(slice(None, None, step) for step in (1, 1, *strides, *dilations))
        windows = sliding_window_view(np.pad(x, [(0, 0), (0, 0), *around]), sizes, axis=axes)[every]
        summed = [1, *range(2 + len(axes), windows.ndim)]
        parts = [
            np.tensordot(part, filters, (summed, [1, *axes]))  # (N, p..., M / groups)
            for part, filters in zip(np.split(windows, groups, 1), np.split(w, groups), strict=True)
        ]
        y = np.concatenate(parts, axis=-1)
        return np.moveaxis(y if b is None else y + b, -1, 1)

    return convolve


def _around(padding: str, size: int, window: int, stride: int) -> tuple[int, int]:
    """How many zeros come before and after an axis, with "SAME" so that it has ceil(size / stride) windows."""
    if padding == "VALID":
        return 0, 0
    total = max(0, (-(-size // stride) - 1) * stride + window - size)
    less = total // 2
    return (less, total - less) if padding == "SAME_UPPER" else (total - less, less)


def _over_all(function: Any) -> Builder:
    return plain(lambda x: function(x, axis=tuple(range(2, x.ndim)), keepdims=True))


CONVOLUTION: dict[str, Builder] = {
    "Conv": _convolution,
    "GlobalAveragePool": _over_all(np.mean),
    "GlobalMaxPool": _over_all(np.max),
}
