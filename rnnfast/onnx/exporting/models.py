"""Whole models of rnnfast as ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from rnnfast.files import write_whole
from rnnfast.layers import Embedding
from rnnfast.model import Sequential
from rnnfast.onnx.exporting.graph import Graph, Size
from rnnfast.onnx.exporting.layers import Flow, export_layer
from rnnfast.onnx.exporting.recurrence import Direction, rnn_node
from rnnfast.rnn import RNN


def export(model: Sequential | RNN, path: str | Path, *, h0: bool = False, lengths: bool = False) -> None:
    """Writes a model to an ONNX file, for inference, which ONNX Runtime and others run; batch and steps of any number.

    A Sequential has the input "x", (batch, time) of int64 before an Embedding, else (batch, time, features) or (batch,
    features), and the output "y". Masks are computed in the graph. An RNN has the input "x" in its own layout, batched,
    and "y" and "h_n".

    The file is written beside the target and renamed: it appears whole or not at all.

    Args:
        model: built, of float32 (of float64 too, which ONNX has and ONNX Runtime does not).
        path: of the file.
        h0: whether an RNN has its initial states as an input "h0", (L D, B, H); they are zeros otherwise.
        lengths: whether an RNN has the input "lengths", (B,) of int32.

    Raises:
        ValueError: a layer or an option that ONNX cannot express, by name; a model that is not built; h0 or lengths for
            a Sequential. TypeError: another kind of model. OSError: the folder cannot be written to.
    """
    write_whole(path, to_proto(model, h0=h0, lengths=lengths).SerializeToString())


def to_proto(model: Sequential | RNN, *, h0: bool = False, lengths: bool = False) -> onnx.ModelProto:
    """The same as an `onnx.ModelProto` in memory; arguments and errors are those of `export`."""
    if isinstance(model, RNN):
        return _rnn(model, h0=h0, lengths=lengths)
    if not isinstance(model, Sequential):
        raise TypeError(f"model: expected a Sequential or an RNN, got {type(model).__name__}")
    for option, given in (("h0", h0), ("lengths", lengths)):
        if given:
            raise ValueError(f"{option}: expected False for a Sequential, got {given}")
    return _sequential(model)


def _sequential(model: Sequential) -> onnx.ModelProto:
    shape = model.layers[0].built_for if model.built else None
    if shape is None:
        raise ValueError("model: expected one that is built: call build or fit first")
    graph = Graph(model.dtype)
    takes_ids = isinstance(model.layers[0], Embedding)
    axes: list[Size] = ["batch", "time"] if takes_ids or len(shape) > 2 else ["batch"]
    features = [] if takes_ids else [size for size in shape[len(axes) :] if size is not None]
    x = graph.input("x", "int64" if takes_ids else model.dtype, [*axes, *features])
    flow = Flow(x, False)
    if len(axes) == 2:
        flow = Flow(graph.add("Transpose", x, perm=[1, 0, *range(2, len(axes) + len(features))]), True)
    for layer in model.layers:
        flow = export_layer(graph, layer.name, layer, flow)
        shape = layer.output_shape(shape)
    units = shape[-1]
    assert units is not None
    y = graph.add("Transpose", flow.value, perm=[1, 0, 2]) if flow.sequence else flow.value
    graph.output(y, "y", ["batch", "time", units] if flow.sequence else ["batch", units])
    return graph.model()


def _rnn(model: RNN, *, h0: bool, lengths: bool) -> onnx.ModelProto:
    graph, weights = Graph(model.dtype), model.state_dict()
    suffixes = ("", "_reverse") if model.bidirectional else ("",)
    states, units = len(suffixes) * model.num_layers, model.hidden_size
    axes: list[Size] = ["batch", "time"] if model.batch_first else ["time", "batch"]
    value = graph.input("x", model.dtype, [*axes, model.input_size])
    value = graph.add("Transpose", value, perm=[1, 0, 2]) if model.batch_first else value
    initial = graph.input("h0", model.dtype, [states, "batch", units]) if h0 else ""
    valid = graph.input("lengths", "int32", ["batch"]) if lengths else ""
    last = []
    zeros = np.zeros(units, model.dtype)
    for layer in range(model.num_layers):
        names = [f"l{layer}{suffix}" for suffix in suffixes]
        directions = [
            Direction(
                weights[f"weight_ih_{name}"],
                weights[f"weight_hh_{name}"],
                (weights.get(f"bias_ih_{name}", zeros), weights.get(f"bias_hh_{name}", zeros)),
                model.nonlinearity,
                reverse=bool(index),
            )
            for index, name in enumerate(names)
        ]
        first = layer * len(suffixes)
        start = graph.add("Slice", initial, [first], [first + len(suffixes)], [0]) if initial else ""
        y, y_h = rnn_node(graph, f"l{layer}", value, directions, lengths=valid, h0=start)
        last.append(y_h)
        # (T, D, B, H) to (T, B, D H)
        value = graph.add("Reshape", graph.add("Transpose", y, perm=[0, 2, 1, 3]), [0, 0, -1])
    value = graph.add("Transpose", value, perm=[1, 0, 2]) if model.batch_first else value
    graph.output(value, "y", [*axes, len(suffixes) * units])
    graph.output(graph.add("Concat", *last, axis=0), "h_n", [states, "batch", units])
    return graph.model()
