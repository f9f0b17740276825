"""The nodes of a graph, or of a graph inside a node, ready to be run on NumPy arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from rnnfast.onnx.element_types import dtype_of
from rnnfast.onnx.node import Function, Node
from rnnfast.onnx.operators import OPERATORS
from rnnfast.typing import Array

DOMAINS = ("", "ai.onnx")
"""Names of the domain of ONNX's own operators."""


class _Step(NamedTuple):
    """A node: names of its inputs ("" for one that is left out) and outputs, and what errors call it."""

    function: Function
    inputs: list[str]
    outputs: list[str]
    label: str


class Graph:
    """A graph whose operators are known.

    Attributes:
        constants: by name.
        inputs, outputs: names.
        around: names of what it takes from the graph around it.
    """

    def __init__(self, proto: onnx.GraphProto, opset: int) -> None:
        self.constants = dict(_constants(proto))
        self.inputs = [info.name for info in proto.input]
        self.outputs = [info.name for info in proto.output]
        self._output_types = [info.type.tensor_type for info in proto.output]
        self._steps = [_step(node, opset) for node in proto.node]
        made = {*self.constants, *self.inputs, *(name for step in self._steps for name in step.outputs)}
        used = [*(name for step in self._steps for name in step.inputs), *self.outputs]
        self.around = [*dict.fromkeys(name for name in used if name and name not in made)]

    def run(self, given: Mapping[str, Array]) -> list[Array]:
        """The outputs for the inputs and for what is taken from around, by name.

        Raises:
            ValueError: arrays do not fit together in a node, which the message names.
        """
        values: dict[str, Any] = {**self.constants, **given}
        with np.errstate(all="ignore"):  # infinities and NaN come out as what they are
            for function, names, outputs, label in self._steps:
                try:
                    made = function(*(values[name] if name else None for name in names))
                except (IndexError, TypeError, ValueError) as error:
                    raise ValueError(f"{label}: {error}") from error
                values.update(zip(outputs, made if isinstance(made, tuple) else (made,), strict=False))
        return [values[name] for name in self.outputs]

    def empty_output(self, index: int) -> Array:
        """The rows of an output of which there are none, (0, ...); sizes that are not declared are 0."""
        declared = self._output_types[index]
        sizes = [size.dim_value for size in declared.shape.dim]
        return np.empty((0, *sizes), dtype_of(declared.elem_type))


def check_operators(graph: onnx.GraphProto) -> None:
    """ValueError if some are not known, which names these, and nodes that have them."""
    unknown: dict[str, list[str]] = {}
    for node in _nodes(graph):
        if node.op_type not in OPERATORS or node.domain not in DOMAINS:
            operator = node.op_type if node.domain in DOMAINS else f"{node.domain}.{node.op_type}"
            unknown.setdefault(operator, []).append(_name(node))
    if unknown:
        found = ", ".join(f"{operator} ({_some(nodes)})" for operator, nodes in sorted(unknown.items()))
        raise ValueError(f"source: expected a model of the operators {', '.join(OPERATORS)}; got others: {found}")


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Those of the graph, and of the graphs inside of them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _nodes(attribute.g)


def _name(node: onnx.NodeProto) -> str:
    """The name of a node, which may have none, or of what it makes, which is unique."""
    return repr(node.name or next(filter(None, node.output), ""))


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, Array]]:
    for tensor in graph.initializer:
        yield tensor.name, numpy_helper.to_array(tensor)
    for tensor in graph.sparse_initializer:
        values, places = numpy_helper.to_array(tensor.values), numpy_helper.to_array(tensor.indices)
        dense = np.zeros([*tensor.dims], values.dtype)
        dense[tuple(places.T) if places.ndim == 2 else np.unravel_index(places, dense.shape)] = values
        yield tensor.values.name, dense


def _step(proto: onnx.NodeProto, opset: int) -> _Step:
    label = f"node {_name(proto)} ({proto.op_type})"
    try:
        attributes = {attribute.name: _attribute(attribute, opset) for attribute in proto.attribute}
        inner = [value for value in attributes.values() if isinstance(value, Graph)]
        around = [*dict.fromkeys(name for graph in inner for name in graph.around)]
        node = Node(proto.op_type, attributes, len(proto.output), opset, tuple(around))
        function = OPERATORS[proto.op_type](node)
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from error
    return _Step(function, [*proto.input, *around], [*proto.output], label)


def _attribute(attribute: onnx.AttributeProto, opset: int) -> Any:
    """The value of an attribute: numbers, texts, arrays, graphs, or lists of numbers or texts."""
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.GraphProto):
        return Graph(value, opset)
    if isinstance(value, onnx.TensorProto):
        dtype_of(value.data_type)
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [text.decode() for text in value]
    return value
