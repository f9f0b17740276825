"""The peers that are installed, as contenders for one case. Each computes what `rnn_forward` and `rnn_backward` do."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnfast.bench.cases import Case
from rnnfast.bench.timing import Contender
from rnnfast.typing import Array


class Peer(NamedTuple):
    """forward() gives y (T, B, H); training() gives y, dx, dw_ih, dw_hh, or is None for a peer that only infers."""

    forward: Callable[[], Any]
    training: Contender | None


def rnnfast_peer(case: Case, arrays: dict[str, Array], threads: int) -> Peer:
    import rnnfast

    rnnfast.set_num_threads(threads)
    plan = rnnfast.plan(
        seq_len=case.seq_len,
        batch=case.batch,
        input_size=case.input_size,
        hidden_size=case.hidden_size,
        activation=case.activation,
    )
    x, w_ih, w_hh, b, dy = arrays.values()

    def training() -> object:
        y, _ = plan.forward(x, w_ih, w_hh, b)
        grads = plan.backward(dy, x, y, w_ih, w_hh)
        return y, grads.dx, grads.dw_ih, grads.dw_hh

    return Peer(lambda: plan.forward(x, w_ih, w_hh, b)[0], training)


def torch_peer(case: Case, arrays: dict[str, Array], threads: int) -> Peer:
    import torch

    torch.set_num_threads(threads)
    layer = torch.nn.RNN(case.input_size, case.hidden_size, nonlinearity=case.activation)
    x, w_ih, w_hh, b, dy = (torch.from_numpy(array) for array in arrays.values())
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), (w_ih, w_hh, b, torch.zeros_like(b)), strict=True):
            parameter.copy_(value)
    x.requires_grad_()

    def forward() -> Array:
        with torch.no_grad():
            return np.asarray(layer(x)[0].numpy())

    def training() -> object:
        layer.zero_grad()
        x.grad = None
        y, _ = layer(x)
        y.backward(dy)
        return y.detach().numpy(), x.grad, layer.weight_ih_l0.grad, layer.weight_hh_l0.grad

    return Peer(forward, training)


def jax_peer(case: Case, arrays: dict[str, Array], threads: int) -> Peer:
    import jax
    import jax.numpy as jnp

    f = {"tanh": jnp.tanh, "relu": jax.nn.relu}[case.activation]
    x, w_ih, w_hh, b, dy = (jnp.asarray(array) for array in arrays.values())

    def layer(x: Any, w_ih: Any, w_hh: Any, b: Any) -> Any:
        def step(h: Any, a: Any) -> Any:
            h = f(a + h @ w_hh.T)
            return h, h

        h0 = jnp.zeros((case.batch, case.hidden_size), x.dtype)
        return jax.lax.scan(step, h0, x @ w_ih.T + b)[1]

    def both(x: Any, w_ih: Any, w_hh: Any, b: Any, dy: Any) -> Any:
        y, pull = jax.vjp(layer, x, w_ih, w_hh, b)
        return (y, *pull(dy))

    forward, training = jax.jit(layer), jax.jit(both)
    return Peer(
        lambda: jax.block_until_ready(forward(x, w_ih, w_hh, b)),
        lambda: jax.block_until_ready(training(x, w_ih, w_hh, b, dy))[:4],
    )


def _onnx_model(case: Case, arrays: dict[str, Array]) -> bytes:
    """The case as one RNN node with constant weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    _, w_ih, w_hh, b, _ = arrays.values()
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def onnxruntime_peer(case: Case, arrays: dict[str, Array], threads: int) -> Peer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Its threads spin while it runs; after that they would spin on into the time of the next contender.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(_onnx_model(case, arrays), options, providers=["CPUExecutionProvider"])
    return Peer(lambda: session.run(None, {"x": arrays["x"]})[0][:, 0], None)


def openvino_peer(case: Case, arrays: dict[str, Array], threads: int) -> Peer:
    import io

    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(io.BytesIO(_onnx_model(case, arrays))),
        "CPU",
        {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"},
    )
    return Peer(lambda: compiled(arrays["x"])[0][:, 0], None)


# By name: the packages that a contender needs, and how to set it up.
PEERS: dict[str, tuple[tuple[str, ...], Callable[[Case, dict[str, Array], int], Peer]]] = {
    "rnnfast": ((), rnnfast_peer),
    "torch": (("torch",), torch_peer),
    "jax": (("jax",), jax_peer),
    "onnxruntime": (("onnxruntime", "onnx"), onnxruntime_peer),
    "openvino": (("openvino", "onnx"), openvino_peer),
}


def installed() -> dict[str, str]:
    """Each peer's name, and what it lacks here (empty: nothing)."""
    return {
        name: ", ".join(package for package in packages if importlib.util.find_spec(package) is None)
        for name, (packages, _) in PEERS.items()
    }
