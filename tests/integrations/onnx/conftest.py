"""What the tests of ONNX share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def onnxruntime() -> Callable[..., list[np.ndarray]]:
    """Runs a model with ONNX Runtime: the outputs for inputs by name."""
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra: peers)")
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3

    def run(model: Any, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        session = runtime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        return session.run(None, inputs)

    return run


@pytest.fixture(scope="session")
def node_model() -> Callable[..., Any]:
    """A model of one node: from arrays by the names of its inputs, and dtypes and numbers of axes of its outputs."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")

    def make(
        operator: str,
        inputs: dict[str, np.ndarray | None],
        outputs: dict[str, tuple[Any, int]],
        opset: int = 14,
        domain: str = "",
        **attributes: Any,
    ) -> Any:
        helper = onnx.helper
        names = [name if array is not None else "" for name, array in inputs.items()]
        node = helper.make_node(operator, names, [*outputs], name="it", domain=domain, **attributes)
        kind = helper.np_dtype_to_tensor_dtype
        given = [(name, array) for name, array in inputs.items() if array is not None]
        graph = helper.make_graph(
            [node],
            "one",
            [helper.make_tensor_value_info(name, kind(array.dtype), array.shape) for name, array in given],
            [
                helper.make_tensor_value_info(name, kind(np.dtype(dtype)), [None] * axes)
                for name, (dtype, axes) in outputs.items()
            ],
        )
        opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    return make
