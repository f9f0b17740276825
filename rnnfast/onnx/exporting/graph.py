"""A graph of ONNX under construction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from rnnfast.typing import Array

OPSET = 17
IR_VERSION = 8
"""The oldest that hold the operators used; ONNX Runtime reads them since 1.13."""

Size = int | str
"""Of an axis: a number, or the name of one that is not fixed."""


class Graph:
    """Nodes and constants, added one after the other; values go by their names.

    Args:
        dtype: of weights and activations.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: str, shape: Sequence[Size]) -> str:
        """An input of the model."""
        self._inputs.append(_info(name, dtype, shape))
        return name

    def output(self, value: str, name: str, shape: Sequence[Size]) -> None:
        """Makes a value an output of the model."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self._outputs.append(_info(name, self.dtype, shape))

    def constant(self, name: str, array: Array) -> str:
        """A weight."""
        self._constants.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """A node with one output, whose name is returned.

        `inputs` are names ("" for one that is left out), integers or lists of them (int64), floats (of the graph's
        dtype), or arrays and numbers of NumPy.
        """
        return self.add_many(operator, *inputs, outputs=1, **attributes)[0]

    def add_many(self, operator: str, *inputs: Any, outputs: int, **attributes: Any) -> list[str]:
        """A node with that many outputs."""
        number = len(self._nodes)
        names = [
            value if isinstance(value, str) else self.constant(f"constant_{number}_{index}", self._array(value))
            for index, value in enumerate(inputs)
        ]
        made = [f"{operator.lower()}_{number}" + (f"_{index}" if index else "") for index in range(outputs)]
        self._nodes.append(helper.make_node(operator, names, made, name=made[0], **attributes))
        return made

    def model(self) -> onnx.ModelProto:
        """The whole, checked by ONNX, its inferred shapes with it."""
        graph = helper.make_graph(self._nodes, "rnnfast", self._inputs, self._outputs, self._constants)
        model = helper.make_model(
            graph, producer_name="rnnfast", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _array(self, value: Any) -> Array:
        if isinstance(value, np.ndarray | np.generic):
            return np.asarray(value)
        return np.array(value, self.dtype if isinstance(value, float) else np.int64)


def _info(name: str, dtype: str, shape: Sequence[Size]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
