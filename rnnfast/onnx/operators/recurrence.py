"""The operator RNN, on the kernels of rnnfast."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rnnfast.functional import rnn_forward
from rnnfast.onnx.activations import of_rnn
from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.pointwise import check_clip
from rnnfast.problem import check_option
from rnnfast.typing import Array

REVERSES = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""Of each direction of the operator whether its recurrences go from the last step to the first."""


def recurrence(node: Node) -> Function:
    """The function of an RNN node, of any opset: 1, 7, 14 (which added `layout`) and 22.

    x (T, B, I), w (D, H, I), r (D, H, H), b (D, 2 H), sequence_lens (B,), initial_h (D, B, H) give y (T, D, B, H) and
    y_h (D, B, H); with layout=1 x (B, T, I), initial_h and y_h (B, D, H), y (B, T, D, H). Past a sequence's length y is
    0 and the state is held; a sequence of length 0 keeps initial_h. T and B may be 0. Opset 1's `output_sequence`
    allows y to be left out, and is not looked at.

    Raises:
        ValueError: attributes that the operator does not have.
    """
    attributes = node.attributes
    direction = attributes.get("direction", "forward")
    check_option("direction", direction, tuple(REVERSES))
    reverses = REVERSES[direction]
    names = attributes.get("activations", ["Tanh"] * len(reverses))[: len(reverses)]
    activations = of_rnn(names, attributes.get("activation_alpha", []), attributes.get("activation_beta", []))
    if len(activations) != len(reverses):
        raise ValueError(f"activations: expected {len(reverses)} for direction={direction}, got {names}")
    clip = check_clip(attributes.get("clip"))
    runs = [
        partial(rnn_forward, activation=activation, clip=clip, reverse=reverse)
        for activation, reverse in zip(activations, reverses, strict=True)
    ]
    hidden_size = attributes.get("hidden_size")

    def run(
        x: Array,
        w: Array,
        r: Array,
        b: Array | None = None,
        sequence_lens: Array | None = None,
        initial_h: Array | None = None,
    ) -> tuple[Array, Array]:
        units = w.shape[1]
        for name, array, shape in (("W", w, (len(runs), units, x.shape[-1])), ("R", r, (len(runs), units, units))):
            if array.shape != shape or hidden_size not in (None, units):
                expected = (len(runs), hidden_size or units, *shape[2:])
                raise ValueError(f"{name}: expected shape {expected} for direction={direction}, got {array.shape}")
        bias = np.zeros((len(runs), 2 * units), w.dtype) if b is None else b
        if attributes.get("layout", 0):
            x = x.swapaxes(0, 1)
            initial_h = None if initial_h is None else initial_h.swapaxes(0, 1)
        # Of an x in 16 bits y has 16 bits too, and all else is computed in float32.
        dtype = np.float32 if x.dtype.itemsize == 2 else x.dtype

        def one(index: int) -> tuple[Array, Array]:
            state: Any = None if initial_h is None else initial_h[index].astype(dtype)
            if 0 in x.shape[:2]:
                return np.empty((*x.shape[:2], units), x.dtype), _or_zeros(state, (x.shape[1], units), dtype)
            weights = (w[index].astype(dtype), r[index].astype(dtype), bias[index].astype(dtype))
            w_bias, r_bias = np.split(weights[2], 2)
            return runs[index](x, *weights[:2], w_bias + r_bias, h0=state, lengths=sequence_lens)

        outputs, states = zip(*map(one, range(len(runs))), strict=True)
        y, y_h = np.stack(outputs, axis=1), np.stack(states).astype(x.dtype)
        return (y.transpose(2, 0, 1, 3), y_h.swapaxes(0, 1)) if attributes.get("layout", 0) else (y, y_h)

    return run


def _or_zeros(state: Array | None, shape: tuple[int, int], dtype: Any) -> Array:
    """The state after no step."""
    if state is not None and state.shape != shape:
        raise ValueError(f"initial_h: expected (batch, hidden_size) = {shape}, got {state.shape}")
    return np.zeros(shape, dtype) if state is None else state


RECURRENCE: dict[str, Builder] = {"RNN": recurrence}
