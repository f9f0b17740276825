"""The activations against other frameworks' own, their derivatives against finite differences, and their parameters."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import rnnfast
from rnnfast import Activation, Sequential, _cpu, layers, pointwise, reference
from rnnfast.configuration import decode, encode
from rnnfast.pointwise import ACTIVATIONS

CASES = [
    *(Activation(name) for name in ACTIVATIONS),
    Activation("leaky_relu", alpha=0.3),
    Activation("leaky_relu", alpha=0),
    Activation("leaky_relu", alpha=1.5),
    Activation("thresholded_relu", alpha=0),
    Activation("thresholded_relu", alpha=0.25),
    Activation("elu", alpha=0.5),
    Activation("elu", alpha=0),
    Activation("selu", alpha=0.75, beta=2),
    Activation("softplus", beta=3),
    Activation("hard_tanh", alpha=0, beta=6),  # relu6
    Activation("hard_sigmoid", alpha=1 / 6),  # Keras and torch
    Activation("hard_sigmoid", alpha=-0.3, beta=0.25),
    Activation("scaled_tanh", alpha=1.7159, beta=2 / 3),  # LeCun
    Activation("scaled_tanh", alpha=-0.5, beta=1.5),
    Activation("affine", alpha=-0.75, beta=0.25),
    Activation("affine", alpha=0, beta=0.5),
]
"""Every activation with its defaults, and with others."""


def name(activation: Activation) -> str:
    return "-".join(str(part) for part in (activation.name, activation.alpha, activation.beta) if part is not None)


cases = pytest.mark.parametrize("activation", CASES, ids=name)
A = np.random.default_rng(0).normal(0, 2, 4000)


@cases
@pytest.mark.parametrize("clip", [None, 0.7, 3.0])
def test_derivative_from_the_value_by_finite_differences(activation: Activation, clip: float | None) -> None:
    step = 1e-6

    def f(a: np.ndarray) -> np.ndarray:
        return activation.f(a if clip is None else np.clip(a, -clip, clip))

    kinks = [a for a in (0, activation.alpha, activation.beta, clip, -(clip or 0)) if a is not None]
    if activation.name == "hard_sigmoid":
        kinks += [(edge - activation.beta) / activation.alpha for edge in (0, 1)]
    a = A[np.abs(A[:, None] - kinks).min(axis=1) > 2 * step]
    assert len(a) > 3900
    expected = (f(a + step) - f(a - step)) / (2 * step)
    np.testing.assert_allclose(reference.derivative(activation, clip, f(a)), expected, rtol=1e-6, atol=2e-9)


@cases
def test_a_clamped_step_has_no_gradient_at_the_edge_either(activation: Activation) -> None:
    a = np.array([-9, -2, 2, 9], dtype=np.float64)
    y = activation.f(np.clip(a, -2, 2))
    np.testing.assert_array_equal(reference.derivative(activation, 2, y), 0)
    inside = np.array([-1.999, -1, 1, 1.999])
    np.testing.assert_array_equal(
        reference.derivative(activation, 2, activation.f(inside)), activation.df(activation.f(inside))
    )


@cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_infinity_and_the_dtype_survive(activation: Activation, dtype: str) -> None:
    a = np.array([np.nan, np.inf, -np.inf, 0, 1], dtype)
    with np.errstate(invalid="ignore"):  # 0 * infinity is NaN
        y = activation.f(a)
    assert y.dtype == dtype
    assert np.isnan(y[0])
    assert activation.df(y).dtype == dtype
    if activation.alpha != 0:
        assert not np.isnan(y[1:]).any()


def torch_functions() -> dict[Activation, Any]:
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: peers)")
    f = torch.nn.functional
    return {
        Activation("tanh"): torch.tanh,
        Activation("relu"): torch.relu,
        Activation("sigmoid"): torch.sigmoid,
        Activation("leaky_relu"): f.leaky_relu,
        Activation("leaky_relu", alpha=0.3): lambda a: f.leaky_relu(a, 0.3),
        Activation("thresholded_relu", alpha=0.25): lambda a: f.threshold(a, 0.25, 0),
        Activation("elu"): f.elu,
        Activation("elu", alpha=0.5): lambda a: f.elu(a, 0.5),
        Activation("selu"): f.selu,
        Activation("softplus"): lambda a: f.softplus(a, threshold=100),
        Activation("softplus", beta=3): lambda a: f.softplus(a, 3, threshold=100),
        Activation("softsign"): f.softsign,
        Activation("hard_tanh"): f.hardtanh,
        Activation("hard_tanh", alpha=0, beta=6): f.relu6,
        Activation("hard_sigmoid", alpha=1 / 6): f.hardsigmoid,
    }


def test_torch_has_the_same_functions_and_derivatives() -> None:
    functions = torch_functions()
    torch = pytest.importorskip("torch")
    edges = np.array([0.0, 0.25, 1.0, -1.0, 3.0, -3.0])
    for activation, function in functions.items():
        a = torch.tensor(np.concatenate([A, edges]), requires_grad=True)
        y = function(a)
        y.sum().backward()
        ours = activation.f(a.detach().numpy())
        np.testing.assert_allclose(ours, y.detach().numpy(), rtol=1e-12, atol=1e-15, err_msg=name(activation))
        # torch keeps 1 / 6 in float32
        np.testing.assert_allclose(activation.df(ours), a.grad.numpy(), rtol=1e-7, atol=1e-12, err_msg=name(activation))


ONNX = {
    "tanh": "Tanh",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "affine": "Affine",
    "leaky_relu": "LeakyRelu",
    "thresholded_relu": "ThresholdedRelu",
    "scaled_tanh": "ScaledTanh",
    "hard_sigmoid": "HardSigmoid",
    "elu": "Elu",
    "softsign": "Softsign",
    "softplus": "Softplus",
}


@pytest.mark.parametrize("clip", [None, 0.6])
@pytest.mark.parametrize(
    "activation",
    [case for case in CASES if (case.name in ONNX and case.name != "softplus") or case == Activation("softplus")],
    ids=name,
)
def test_onnxruntime_computes_the_same_recurrence(activation: Activation, clip: float | None) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: peers)")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra: peers)")
    rng = np.random.default_rng(3)
    x, w, u, b = (rng.normal(0, s, shape).astype(np.float32) for shape, s in SHAPES)
    function = ONNX[activation.name]
    numbers = {
        f"activation_{parameter}": [value]
        for parameter in ("alpha", "beta")
        if (value := getattr(activation, parameter)) is not None and function != "Softplus"
    }
    attributes = {"hidden_size": len(u), "activations": [function], **numbers, **({"clip": clip} if clip else {})}
    constants = {"w": w[None], "r": u[None], "b": np.concatenate([b, np.zeros_like(b)])[None]}
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("RNN", ["x", *constants], ["y"], **attributes)],
        "recurrence",
        [helper.make_tensor_value_info("x", real, x.shape)],
        [helper.make_tensor_value_info("y", real, None)],
        [onnx.numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x})
    y, _ = rnnfast.rnn_forward(x, w, u, b, activation=activation, clip=clip)
    np.testing.assert_allclose(y, expected[:, 0], rtol=1e-4, atol=1e-5)


SHAPES = (((7, 4, 3), 1.0), ((5, 3), 0.6), ((5, 5), 0.3), ((5,), 0.5))


def test_the_kernels_have_the_same_activations() -> None:
    assert sorted(_cpu.activation_names()) == sorted(ACTIVATIONS)


@cases
def test_a_layer_keeps_its_activation_through_json(activation: Activation) -> None:
    for layer in (layers.SimpleRNN(3, activation, clip=2.5), layers.Dense(3, activation)):
        copy = decode(json.loads(json.dumps(encode("layer", layer))), {})
        assert copy.get_config() == layer.get_config()
    assert layers.SimpleRNN(3, activation).activation == activation
    assert decode(json.loads(json.dumps(encode("activation", activation))), {}) == activation


def test_layers_compute_with_the_parameters() -> None:
    leaky = Activation("leaky_relu", alpha=0.25)
    model = Sequential(
        [layers.SimpleRNN(4, leaky, clip=0.5), layers.Dense(2, Activation("scaled_tanh", alpha=3, beta=0.5))],
        dtype="float64",
        seed=0,
    )
    x = np.random.default_rng(0).normal(0, 2, (5, 6, 3))
    y = model.predict(x)
    kernel, recurrent, bias, head, offset = model.get_weights()
    h = np.zeros((5, 4))
    for t in range(6):
        a = np.clip(x[:, t] @ kernel + h @ recurrent + bias, -0.5, 0.5)
        h = np.where(a < 0, 0.25 * a, a)
    np.testing.assert_allclose(y, 3 * np.tanh(0.5 * (h @ head + offset)), rtol=1e-12)


def test_the_same_parameters_are_the_same_activation() -> None:
    assert Activation("elu") == Activation("elu", alpha=1) == Activation("elu", alpha=np.float32(1))
    assert hash(Activation("elu")) == hash(Activation("elu", alpha=1.0))
    assert Activation("elu") != Activation("elu", alpha=2)
    assert pointwise.get("softplus") == Activation("softplus", beta=1.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("gelu",), ValueError, "name: expected one of tanh, .*affine, got 'gelu'"),
        ((["tanh"],), ValueError, r"name: expected one of tanh, .*affine, got \['tanh'\]"),
        (("tanh", 0.5), ValueError, "alpha: expected None for 'tanh', which has none, got 0.5"),
        (("softplus", 1.0), ValueError, "alpha: expected None for 'softplus', which has none, got 1.0"),
        (("elu", 1.0, 2.0), ValueError, "beta: expected None for 'elu', which has none, got 2.0"),
        (("elu", "1"), TypeError, "alpha: expected a number, got '1'"),
        (("elu", True), TypeError, "alpha: expected a number, got True"),
        (("elu", math.nan), ValueError, "alpha: expected a finite number, got nan"),
        (("affine", 1.0, math.inf), ValueError, "beta: expected a finite number, got inf"),
        (("leaky_relu", -0.1), ValueError, "alpha: expected at least 0 for 'leaky_relu', got -0.1"),
        (("thresholded_relu", -1), ValueError, "alpha: expected at least 0 for 'thresholded_relu', got -1.0"),
        (("elu", -1), ValueError, "alpha: expected at least 0 for 'elu', got -1.0"),
        (("selu", -1), ValueError, "alpha: expected at least 0 for 'selu', got -1.0"),
        (("selu", None, 0), ValueError, "beta: expected more than 0 for 'selu', got 0.0"),
        (("softplus", None, 0), ValueError, "beta: expected more than 0 for 'softplus', got 0.0"),
        (("hard_tanh", 1.0), ValueError, "beta: expected more than alpha for 'hard_tanh', got 1.0"),
        (("hard_tanh", 2, 1), ValueError, "beta: expected more than alpha for 'hard_tanh', got 1.0"),
        (("scaled_tanh", 0), ValueError, "alpha: expected another number than 0 for 'scaled_tanh', got 0.0"),
        (("scaled_tanh", 1, 0), ValueError, "beta: expected another number than 0 for 'scaled_tanh', got 0.0"),
    ],
)
def test_bad_parameters(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        Activation(*arguments)


BAD_OPTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"activation": "gelu"}, ValueError, "activation: expected one of tanh, .*, got 'gelu'"),
    ({"activation": ("elu", {"alpha": 1})}, TypeError, "activation: expected a name or an Activation, got"),
    ({"activation": 3}, TypeError, "activation: expected a name or an Activation, got 3"),
    ({"clip": 0}, ValueError, "clip: expected more than 0, or None, got 0"),
    ({"clip": -1.5}, ValueError, "clip: expected more than 0, or None, got -1.5"),
    ({"clip": math.nan}, ValueError, "clip: expected a finite number, got nan"),
    ({"clip": math.inf}, ValueError, "clip: expected a finite number, got inf"),
    ({"clip": "1"}, TypeError, "clip: expected a number, got '1'"),
    ({"clip": True}, TypeError, "clip: expected a number, got True"),
]
IN_FLOAT32: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"activation": Activation("affine", alpha=1e300)}, ValueError, "alpha: expected a finite number, got inf"),
    ({"activation": Activation("scaled_tanh", alpha=1e-60)}, ValueError, "alpha: expected another number than 0"),
    ({"activation": Activation("hard_tanh", 1, 1 + 1e-9)}, ValueError, "beta: expected more than alpha"),
    ({"clip": 1e-60}, ValueError, "clip: expected more than 0"),
    ({"clip": 1e60}, ValueError, "clip: expected a finite number"),
]


@pytest.mark.parametrize("call", ["rnn_forward", "rnn_backward", "plan"])
@pytest.mark.parametrize(("option", "error", "message"), BAD_OPTIONS + IN_FLOAT32)
def test_bad_options(call: str, option: dict[str, Any], error: type[Exception], message: str) -> None:
    x, w, u, b = (np.ones(shape, np.float32) for shape, _ in SHAPES)
    y = np.ones((7, 4, 5), np.float32)
    given = {"rnn_forward": (x, w, u, b), "rnn_backward": (y, x, y, w, u), "plan": ()}[call]
    sizes = {"seq_len": 7, "batch": 4, "input_size": 3, "hidden_size": 5} if call == "plan" else {}
    with pytest.raises(error, match=f"^{message}"):
        getattr(rnnfast, call)(*given, **sizes, **option)


@pytest.mark.parametrize(("option", "error", "message"), BAD_OPTIONS)
def test_bad_options_of_a_layer(option: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        layers.SimpleRNN(3, **option)
    if "activation" in option:
        with pytest.raises(error, match=f"^{message}"):
            layers.Dense(3, **option)
