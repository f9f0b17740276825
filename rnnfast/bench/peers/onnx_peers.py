"""The inference engines: the case as one ONNX RNN node with constant weights."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from rnnfast.bench.cases import FORWARD, Case
from rnnfast.bench.peers.base import Contender, Ready
from rnnfast.typing import Array


def model(case: Case, arrays: Mapping[str, Array]) -> bytes:
    """The node in a model, serialised."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    w_ih, w_hh, b = (arrays[name] for name in ("w_ih", "w_hh", "b"))
    shape = [case.seq_len, case.batch, case.input_size]
    y_shape = [case.seq_len, 1, case.batch, case.hidden_size]
    weights = {"W": w_ih[None], "R": w_hh[None], "B": np.concatenate([b, np.zeros_like(b)])[None]}
    node = helper.make_node(
        "RNN", ["x", *weights], ["y"], hidden_size=case.hidden_size, activations=[case.activation.capitalize()]
    )
    graph = helper.make_graph(
        [node],
        "rnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y_shape)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    built = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(built)
    return bytes(built.SerializeToString())


def onnxruntime(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """A session on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Its threads spin while it runs; after that they would spin on into the time of the next contender.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(model(case, arrays), options, providers=["CPUExecutionProvider"])
    return Ready({FORWARD: lambda: session.run(None, {"x": arrays["x"]})[0][:, 0]})


def openvino(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """A model compiled for latency on the CPU."""
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(io.BytesIO(model(case, arrays))),
        "CPU",
        {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"},
    )
    return Ready({FORWARD: lambda: compiled(arrays["x"])[0][:, 0]})


CONTENDERS = [
    Contender("ONNX Runtime", "onnxruntime", {"layer": onnxruntime}, ("onnxruntime", "onnx")),
    Contender("OpenVINO", "openvino", {"layer": openvino}, ("openvino", "onnx")),
]
