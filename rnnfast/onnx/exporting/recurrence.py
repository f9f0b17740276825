"""Recurrences as RNN nodes, with any mask.

RNN knows lengths alone. A masked step holds the state, so that leaving it out changes no state: the valid steps of each
sequence are moved to its front, which makes their number its length, and the outputs are put back where they belong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnnfast.onnx.activations import for_rnn
from rnnfast.onnx.exporting.graph import Graph
from rnnfast.pointwise import Activation
from rnnfast.typing import Array


class Direction(NamedTuple):
    """One recurrence: w_ih (H, I), w_hh (H, H), the biases (H,) of input and state, and what it does."""

    w_ih: Array
    w_hh: Array
    biases: tuple[Array, Array]
    activation: str | Activation
    reverse: bool


def rnn_node(
    graph: Graph,
    name: str,
    x: str,
    directions: Sequence[Direction],
    *,
    clip: float | None = None,
    lengths: str = "",
    h0: str = "",
) -> tuple[str, str]:
    """Y (T, D, B, H) and Y_h (D, B, H) of x (T, B, I); `lengths` (B,) of int32 and h0 (D, B, H), "" for none.

    Two directions go forwards and backwards. ValueError for an activation that RNN does not have.
    """
    functions = [for_rnn(direction.activation) for direction in directions]
    attributes = {
        f"activation_{kind}": values
        for kind in ("alpha", "beta")
        if (values := [parameters[kind] for _, parameters in functions if kind in parameters])
    }
    if clip is not None:
        attributes["clip"] = clip  # type: ignore[assignment]  # a number where the others are lists
    weights = [
        graph.constant(f"{name}/{weight}", np.stack(arrays))
        for weight, arrays in (
            ("W", [direction.w_ih for direction in directions]),
            ("R", [direction.w_hh for direction in directions]),
            ("B", [np.concatenate(direction.biases) for direction in directions]),
        )
    ]
    alone = "reverse" if directions[0].reverse else "forward"
    y, y_h = graph.add_many(
        "RNN",
        x,
        *weights,
        lengths,
        h0,
        outputs=2,
        hidden_size=len(directions[0].w_hh),
        direction="bidirectional" if len(directions) == 2 else alone,
        activations=[function for function, _ in functions],
        **attributes,
    )
    return y, y_h


def recurrence(
    graph: Graph, name: str, x: str, direction: Direction, *, clip: float | None, mask: str | None, zero_masked: bool
) -> tuple[str, str]:
    """y (T, B, H) and h_n (B, H) as `rnnfast.rnn_forward` gives them, x (T, B, I), mask (T, B) of bool or None.

    With `zero_masked` the output of a masked step is 0, else the state that it holds.
    """
    if mask is None:
        y, y_h = rnn_node(graph, name, x, [direction], clip=clip)
        return graph.add("Squeeze", y, [1]), graph.add("Squeeze", y_h, [0])
    valid = graph.add("Cast", mask, to=_INT64)
    steps = graph.add("Shape", mask, start=0, end=1)
    lengths = graph.add("Cast", graph.add("ReduceSum", valid, [0], keepdims=0), to=_INT32)
    # The steps of each sequence in their order, the masked ones after the valid: t + T * masked, sorted.
    number = graph.add("Unsqueeze", graph.add("Range", 0, graph.add("Squeeze", steps), 1), [1])
    last = graph.add("Mul", graph.add("Sub", 1, valid), steps)
    key = graph.add("Add", number, last)
    order = graph.add_many("TopK", key, steps, outputs=2, axis=0, largest=0)[1]
    y, y_h = rnn_node(graph, name, _steps_at(graph, x, order), [direction], clip=clip, lengths=lengths)
    # Where in the row of valid steps the last one lies that was processed by the time of each step. Where there is none
    # yet that is -1, forwards, or beyond the last, backwards: the output there is 0, for T is more than the length.
    place = graph.add("CumSum", valid, 0)
    place = graph.add("Sub", place, valid if direction.reverse else 1)
    y = _steps_at(graph, graph.add("Squeeze", y, [1]), place)
    if zero_masked:
        y = graph.add("Where", graph.add("Unsqueeze", mask, [2]), y, 0.0)
    # ONNX does not say what the state of an empty sequence is, and runtimes differ.
    empty = graph.add("Unsqueeze", graph.add("Equal", lengths, np.int32(0)), [1])
    return y, graph.add("Where", empty, 0.0, graph.add("Squeeze", y_h, [0]))


_INT32, _INT64 = 6, 7  # TensorProto.INT32, INT64


def _steps_at(graph: Graph, x: str, place: str) -> str:
    """x[place[t, b], b], (T, B, F), for x (T, B, F) and place (T, B)."""
    shape = graph.add("Shape", x)
    batch = graph.add("Gather", shape, 1)
    rows = graph.add("Reshape", x, graph.add("Concat", [-1], graph.add("Slice", shape, [2], [3]), axis=0))
    row = graph.add("Add", graph.add("Mul", place, batch), graph.add("Range", 0, batch, 1))
    return graph.add("Gather", rows, row)
