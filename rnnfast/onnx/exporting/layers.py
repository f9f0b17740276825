"""Each layer of a Sequential as nodes of a graph.

Sequences are time-major from one layer to the next, (T, B, F), as the operator RNN has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnfast import pointwise
from rnnfast.layers import (
    ActivityRegularization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Masking,
    Padding,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)
from rnnfast.onnx.activations import FORMS, parameters
from rnnfast.onnx.exporting.graph import Graph
from rnnfast.onnx.exporting.recurrence import Direction, recurrence
from rnnfast.pointwise import Activation
from rnnfast.typing import Array


class Flow(NamedTuple):
    """What one layer hands to the next.

    Attributes:
        value: (T, B, F), or (B, F) where `sequence` is False; before an Embedding (T, B) of integers.
        sequence: whether there are steps.
        mask: (T, B) of bool, which steps are valid; None for all.
    """

    value: str
    sequence: bool
    mask: str | None = None


def export_layer(graph: Graph, name: str, layer: Layer, flow: Flow) -> Flow:
    """What comes out of a layer, whose weights are called `name`/...

    Raises:
        ValueError: ONNX cannot say what it does; the message names layer and option.
    """
    if type(layer) not in LAYERS:
        known = ", ".join(kind.__name__ for kind in LAYERS)
        raise ValueError(f"model: expected layers among {known}, got {layer.name!r} of {type(layer).__name__}")
    return LAYERS[type(layer)](graph, name, layer, flow)


def _refuse(layer: Layer, **wanted: Any) -> None:
    """ValueError unless the options are these."""
    for option, value in wanted.items():
        if getattr(layer, option) != value:
            raise ValueError(f"{option}: expected {value} in {layer.name!r} for ONNX, got {getattr(layer, option)!r}")


def _same(graph: Graph, name: str, layer: Layer, flow: Flow) -> Flow:
    return flow


def _embedding(graph: Graph, name: str, layer: Embedding, flow: Flow) -> Flow:
    mask = graph.add("Not", graph.add("Equal", flow.value, 0)) if layer.mask_zero else None
    table = graph.constant(f"{name}/embeddings", layer.get_weights()[0])
    return Flow(graph.add("Gather", table, flow.value), True, mask)


def _masking(graph: Graph, name: str, layer: Masking, flow: Flow) -> Flow:
    return _without(graph, flow, graph.add("Equal", flow.value, layer.mask_value))


def _padding(graph: Graph, name: str, layer: Padding, flow: Flow) -> Flow:
    masked = _without(graph, flow, graph.add("IsNaN", flow.value))
    return masked if flow.mask is None else masked._replace(mask=graph.add("And", masked.mask, flow.mask))


def _without(graph: Graph, flow: Flow, elements: str) -> Flow:
    """The steps (T, B, F) of which all elements are marked are masked, and 0."""
    least = graph.add("ReduceMin", graph.add("Cast", elements, to=_INT32), axes=[2], keepdims=1)
    masked = graph.add("Cast", least, to=_BOOL)
    value = graph.add("Where", masked, 0.0, flow.value)
    return Flow(value, True, graph.add("Not", graph.add("Squeeze", masked, [2])))


_INT32, _BOOL = 6, 9  # TensorProto.INT32, BOOL


def _dense(graph: Graph, name: str, layer: Dense, flow: Flow) -> Flow:
    value = graph.add("MatMul", flow.value, graph.constant(f"{name}/kernel", layer.kernel))
    if layer.use_bias:
        value = graph.add("Add", value, graph.constant(f"{name}/bias", layer.get_weights()[-1]))
    return flow._replace(value=_activated(graph, value, layer.activation))


def _activated(graph: Graph, a: str, activation: str | Activation) -> str:
    """f(a) of a Dense layer."""
    if activation == "softmax":
        return graph.add("Softmax", a, axis=-1)
    given = pointwise.get(activation)
    alpha, beta = given.alpha, given.beta
    if given.name == "linear":
        return a
    if given.name == "hard_tanh":
        return graph.add("Clip", a, alpha, beta)
    if given.name == "affine":
        return graph.add("Add", graph.add("Mul", a, alpha), beta)
    if given.name == "scaled_tanh":
        return graph.add("Mul", graph.add("Tanh", graph.add("Mul", a, beta)), alpha)
    if given.name == "softplus":
        return graph.add("Div", graph.add("Softplus", graph.add("Mul", a, beta)), beta)
    form = FORMS[given.name]
    return graph.add(form.operator, a, **dict(zip(form.parameters, parameters(given), strict=True)))


def _simple_rnn(graph: Graph, name: str, layer: SimpleRNN, flow: Flow) -> Flow:
    _refuse(layer, stateful=False, layer_norm=False, zoneout=0.0)
    kernel, recurrent, *rest = layer.get_weights()
    bias = rest[0] if layer.use_bias else np.zeros(layer.units, kernel.dtype)
    direction = Direction(
        kernel.T, _dense_matrix(recurrent).T, (bias, np.zeros_like(bias)), layer.activation, layer.go_backwards
    )
    zero = layer.zero_output_for_mask
    try:
        y, h_n = recurrence(graph, name, flow.value, direction, clip=layer.clip, mask=flow.mask, zero_masked=zero)
    except ValueError as error:
        raise ValueError(f"activation of {layer.name!r}: {error}") from error
    if not layer.return_sequences:
        if zero and flow.mask is not None:
            at_end = graph.add("Gather", flow.mask, 0 if layer.go_backwards else -1)
            h_n = graph.add("Where", graph.add("Unsqueeze", at_end, [1]), h_n, 0.0)
        return Flow(h_n, False)
    return Flow(_backwards(graph, y) if layer.go_backwards else y, True, flow.mask)


def _dense_matrix(recurrent: Array) -> Array:
    """(H, H) of recurrent weights that may be the blocks on its diagonal, or the diagonal."""
    if recurrent.ndim == 1:
        return np.diag(recurrent)
    if recurrent.ndim == 2:
        return recurrent
    heads, size, _ = recurrent.shape
    whole = np.zeros((heads, size, heads, size), recurrent.dtype)
    whole[np.arange(heads), :, np.arange(heads)] = recurrent
    return whole.reshape(heads * size, heads * size)


def _backwards(graph: Graph, steps: str) -> str:
    """The steps from the last to the first."""
    return graph.add("Slice", steps, [-1], [np.iinfo(np.int64).min], [0], [-1])


def _bidirectional(graph: Graph, name: str, layer: Bidirectional, flow: Flow) -> Flow:
    there, back = (
        _simple_rnn(graph, f"{name}/{inner.name}", inner, flow) for inner in (layer.forward_layer, layer.backward_layer)
    )
    a, b = there.value, _backwards(graph, back.value) if layer.return_sequences else back.value
    if layer.merge_mode == "concat":
        return there._replace(value=graph.add("Concat", a, b, axis=-1))
    value = graph.add("Mul" if layer.merge_mode == "mul" else "Add", a, b)
    return there._replace(value=graph.add("Div", value, 2.0) if layer.merge_mode == "ave" else value)


def _time_distributed(graph: Graph, name: str, layer: TimeDistributed, flow: Flow) -> Flow:
    # These do to a step by itself what they do to all of them.
    if type(layer.layer) not in (Dense, Dropout, ActivityRegularization):
        kind = type(layer.layer).__name__
        raise ValueError(f"layer: expected a Dense or a Dropout inside {layer.name!r} for ONNX, got {kind}")
    return export_layer(graph, f"{name}/{layer.layer.name}", layer.layer, flow)


LAYERS: dict[type[Layer], Callable[[Graph, str, Any, Flow], Flow]] = {
    ActivityRegularization: _same,
    Bidirectional: _bidirectional,
    Dense: _dense,
    Dropout: _same,
    Embedding: _embedding,
    Masking: _masking,
    Padding: _padding,
    SimpleRNN: _simple_rnn,
    TiedDense: _dense,
    TimeDistributed: _time_distributed,
}
