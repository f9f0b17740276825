"""Models in ONNX files, run on NumPy arrays with the recurrence on the kernels of rnnfast."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx

from rnnfast.onnx.element_types import dtype_of
from rnnfast.onnx.graph import DOMAINS, Graph, check_operators
from rnnfast.typing import Array


class Value(NamedTuple):
    """An input or an output of a model.

    Attributes:
        name: as the model has it.
        dtype: of the array.
        shape: a number where a size is fixed, else its name, or None; None as a whole where nothing is declared.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | str | None, ...] | None


class Model:
    """What `rnnfast.onnx.load` returns.

        y = model(x)                    # arrays in the order of `inputs`, or by name: model(x=x)
        outputs = model.run({"x": x})   # {"y": ...}

    Attributes:
        inputs, outputs: what goes in and comes out, a `Value` each. Inputs that have a default in the file may be
            given, by name, but are not among these.
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        check_operators(proto.graph)
        opset = next(entry.version for entry in proto.opset_import if entry.domain in DOMAINS)
        self._graph = Graph(proto.graph, opset)
        values = [_value(info) for info in proto.graph.input]
        self.inputs = tuple(value for value in values if value.name not in self._graph.constants)
        self.outputs = tuple(_value(info) for info in proto.graph.output)
        self._known = {value.name: value for value in values}

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
            ValueError: an input is missing, not known or of another shape; arrays do not fit together in a node, which
                the message names. TypeError: of another dtype.
        """
        if not isinstance(inputs, Mapping):
            raise TypeError(f"inputs: expected a mapping from names to arrays, got {type(inputs).__name__}")
        expected = [value.name for value in self.inputs]
        if not set(expected) <= set(inputs) <= set(self._known):
            raise ValueError(f"inputs: expected {expected}, got {[*inputs]}")
        given = {name: _check(self._known[name], array) for name, array in inputs.items()}
        return dict(zip(self._graph.outputs, self._graph.run(given), strict=True))


def load(source: str | Path | onnx.ModelProto) -> Model:
    """A model of ONNX, ready to be run.

    Args:
        source: the path of a file, beside which its external data lies if it has any, or a model in memory.

    Raises:
        ValueError: no ONNX model; operators that are not supported, all of them named, with their nodes; an attribute
            or an element type that is not.
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
    _check_model(proto)
    if proto.functions:
        from onnx import inliner

        proto = inliner.inline_local_functions(proto)
    return Model(proto)


def _check_model(proto: onnx.ModelProto) -> None:
    """ValueError if the model is not a valid one."""
    infos = [*proto.graph.input, *proto.graph.output]
    tensors = [info.type.tensor_type for info in infos if info.type.HasField("tensor_type")]
    shapeless = [tensor for tensor in tensors if not tensor.HasField("shape")]
    for tensor in shapeless:  # exporters write, and runtimes read, what ONNX's checker would not have
        tensor.shape.SetInParent()
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ValueError(f"source: expected a valid ONNX model, got one in which: {error}") from error
    finally:
        for tensor in shapeless:
            tensor.ClearField("shape")


def _value(info: onnx.ValueInfoProto) -> Value:
    if not info.type.HasField("tensor_type"):
        raise ValueError(f"{info.name}: expected a tensor, got {info.type.WhichOneof('value')}")
    tensor = info.type.tensor_type
    shape = tuple(map(_size, tensor.shape.dim)) if tensor.HasField("shape") else None
    return Value(info.name, dtype_of(tensor.elem_type), shape)


def _size(dimension: Any) -> int | str | None:
    return dimension.dim_value if dimension.HasField("dim_value") else dimension.dim_param or None


def _check(value: Value, given: Array) -> Array:
    """An input as an array; TypeError or ValueError if it is another than the model declares."""
    array = np.asarray(given)
    if array.dtype != value.dtype:
        raise TypeError(f"{value.name}: expected dtype {value.dtype}, got {array.dtype}")
    if value.shape is None:
        return array
    fixed = [
        wanted if isinstance(wanted, int) else size for size, wanted in zip(array.shape, value.shape, strict=False)
    ]
    if array.ndim != len(value.shape) or array.shape != tuple(fixed):
        raise ValueError(f"{value.name}: expected shape {value.shape}, got {array.shape}")
    return array
