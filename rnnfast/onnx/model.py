"""Models in ONNX files, run on NumPy arrays with the recurrence on the kernels of rnnfast."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from rnnfast.onnx.element_types import dtype_of
from rnnfast.onnx.node import Function, Node
from rnnfast.onnx.operators import OPERATORS
from rnnfast.typing import Array


class Value(NamedTuple):
    """An input or an output of a model.

    Attributes:
        name: as the model has it.
        dtype: of the array.
        shape: a number where a size is fixed, else its name, or None.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...]


class _Step(NamedTuple):
    """A node, ready to be run: names of its inputs ("" for one that is left out) and outputs."""

    function: Function
    inputs: list[str]
    outputs: list[str]


class Model:
    """What `rnnfast.onnx.load` returns.

        y = model(x)                    # arrays in the order of `inputs`, or by name: model(x=x)
        outputs = model.run({"x": x})   # {"y": ...}

    Attributes:
        inputs, outputs: what goes in and comes out, a `Value` each.
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        graph = proto.graph
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.inputs = tuple(_value(info) for info in graph.input if info.name not in self._constants)
        self.outputs = tuple(_value(info) for info in graph.output)
        _check_operators(graph)
        opset = next(entry.version for entry in proto.opset_import if entry.domain in _DOMAINS)
        self._steps = [_step(node, opset) for node in graph.node]

    def __call__(self, *arrays: Array, **named: Array) -> Any:
        """The outputs: an array, or a tuple where there is more than one.

        Args:
            arrays: inputs in the order of `inputs`.
            named: the others, by name.

        Raises:
            ValueError, TypeError: as `run`.
        """
        if len(arrays) > len(self.inputs):
            raise ValueError(f"inputs: expected at most {len(self.inputs)}, got {len(arrays)}")
        given = {value.name: array for value, array in zip(self.inputs, arrays, strict=False)}
        twice = [*(given.keys() & named.keys())]
        if twice:
            raise ValueError(f"inputs: expected each once, got {twice} both by place and by name")
        outputs = tuple(self.run({**given, **named}).values())
        return outputs[0] if len(outputs) == 1 else outputs

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, in the order of `outputs`.

        Args:
            inputs: an array for every input, by name.

        Raises:
            ValueError: an input is missing, not known or of another shape. TypeError: of another dtype.
        """
        expected = [value.name for value in self.inputs]
        if set(inputs) != set(expected):
            raise ValueError(f"inputs: expected {expected}, got {[*inputs]}")
        values: dict[str, Any] = dict(self._constants)
        values.update((value.name, _check(value, inputs[value.name])) for value in self.inputs)
        for function, names, outputs in self._steps:
            made = function(*(values[name] if name else None for name in names))
            values.update(zip(outputs, made if isinstance(made, tuple) else (made,), strict=False))
        return {value.name: values[value.name] for value in self.outputs}


def load(source: str | Path | onnx.ModelProto) -> Model:
    """A model of ONNX, ready to be run.

    Args:
        source: the path of a file, beside which its external data lies if it has any, or a model in memory.

    Raises:
        ValueError: no ONNX model; operators that are not supported, all of them named; an attribute or an element type
            that is not.
        TypeError: neither a path nor a model. OSError: the file cannot be read.
    """
    if isinstance(source, onnx.ModelProto):
        proto = source
    elif isinstance(source, str | Path):
        Path(source).open("rb").close()  # what the system says is better than what the library makes of it
        try:
            proto = onnx.load(source)
        except Exception as error:  # protobuf has error classes of its own
            raise ValueError(f"source: expected an ONNX file, got {source} ({error})") from error
    else:
        raise TypeError(f"source: expected a path or an onnx.ModelProto, got {type(source).__name__}")
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"source: expected a valid ONNX model, got one in which: {error}") from error
    if proto.functions:
        from onnx import inliner

        proto = inliner.inline_local_functions(proto)
    return Model(proto)


_DOMAINS = ("", "ai.onnx")


def _check_operators(graph: onnx.GraphProto) -> None:
    unknown = Counter(
        node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
        for node in graph.node
        if node.op_type not in OPERATORS or node.domain not in _DOMAINS
    )
    if unknown:
        found = ", ".join(f"{name} ({count})" for name, count in sorted(unknown.items()))
        raise ValueError(f"source: expected a model of the operators {', '.join(OPERATORS)}; got others: {found}")


def _step(proto: onnx.NodeProto, opset: int) -> _Step:
    attributes = {attribute.name: _attribute(attribute) for attribute in proto.attribute}
    node = Node(proto.op_type, attributes, len(proto.output), opset)
    try:
        function = OPERATORS[proto.op_type](node)
    except ValueError as error:
        raise ValueError(f"node {proto.name!r} ({proto.op_type}): {error}") from error
    return _Step(function, [*proto.input], [*proto.output])


def _attribute(attribute: onnx.AttributeProto) -> Any:
    """The value of an attribute: numbers, texts, arrays, or lists of these."""
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        dtype_of(value.data_type)
        return numpy_helper.to_array(value)
    if isinstance(value, bytes):
        return value.decode()
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [text.decode() for text in value]
    return value


def _value(info: onnx.ValueInfoProto) -> Value:
    if not info.type.HasField("tensor_type"):
        raise ValueError(f"{info.name}: expected a tensor, got {info.type.WhichOneof('value')}")
    tensor = info.type.tensor_type
    return Value(info.name, dtype_of(tensor.elem_type), tuple(map(_size, tensor.shape.dim)))


def _size(dimension: Any) -> int | str | None:
    return dimension.dim_value if dimension.HasField("dim_value") else dimension.dim_param or None


def _check(value: Value, given: Array) -> Array:
    """An input as an array; TypeError or ValueError if it is another than the model declares."""
    array = np.asarray(given)
    if array.dtype != value.dtype:
        raise TypeError(f"{value.name}: expected dtype {value.dtype}, got {array.dtype}")
    fixed = [
        wanted if isinstance(wanted, int) else size for size, wanted in zip(array.shape, value.shape, strict=False)
    ]
    if array.ndim != len(value.shape) or array.shape != tuple(fixed):
        raise ValueError(f"{value.name}: expected shape {value.shape}, got {array.shape}")
    return array
