"""rnn_forward against ONNX Runtime's RNN operator.

Where they disagree: a sequence of length 0 keeps h0 here, as in TensorFlow 1; ONNX Runtime's Y_h is 0 there.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import Activation, rnn_forward

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

REVERSE = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
ALPHAS, SLOPES = st.sampled_from([0.125, 0.75, 1.0, 1.5]), st.sampled_from([0.0, 0.25, 1.0])
# Of each operator the name here, and what is drawn for its alpha and beta.
ACTIVATIONS: dict[str, tuple[str, tuple[st.SearchStrategy[float], ...]]] = {
    "Tanh": ("tanh", ()),
    "Relu": ("relu", ()),
    "Sigmoid": ("sigmoid", ()),
    "Softsign": ("softsign", ()),
    "Softplus": ("softplus", ()),
    "Affine": ("affine", (ALPHAS, SLOPES)),
    "LeakyRelu": ("leaky_relu", (SLOPES,)),
    "ThresholdedRelu": ("thresholded_relu", (SLOPES,)),
    "Elu": ("elu", (ALPHAS,)),
    "ScaledTanh": ("scaled_tanh", (ALPHAS, ALPHAS)),
    "HardSigmoid": ("hard_sigmoid", (ALPHAS, SLOPES)),
}


@st.composite
def activations(draw: st.DrawFn) -> tuple[str, tuple[float, ...]]:
    """The name of an operator, and its alpha and beta."""
    name = draw(st.sampled_from(sorted(ACTIVATIONS)))
    return name, tuple(draw(parameter) for parameter in ACTIVATIONS[name][1])


OPTIONS = st.sampled_from(sorted(REVERSE)).flatmap(
    lambda direction: st.fixed_dictionaries(
        {
            "direction": st.just(direction),
            "activations": st.tuples(*(activations() for _ in REVERSE[direction])),
            "clip": st.sampled_from([None, 0.5, 2.0]),
            "seq_len": st.integers(1, 8),
            "batch": st.integers(1, 5),
            "input_size": st.integers(1, 5),
            "hidden_size": st.integers(1, 18),
            "bias": st.booleans(),
            "lengths": st.booleans(),
            "h0": st.booleans(),
            "seed": st.integers(0, 2**32 - 1),
        }
    )
)


@pytest.fixture(scope="session")
def onnx() -> ModuleType:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra: peers)")
    return pytest.importorskip("onnx", reason="onnx is not installed (extra: peers)")


@settings(max_examples=1300, deadline=None)
@given(OPTIONS)
def test_rnn(agree: Callable[..., None], onnx: Any, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(options["seed"])
    reverse = REVERSE[options["direction"]]
    seq_len, batch, size, units = (options[name] for name in ("seq_len", "batch", "input_size", "hidden_size"))

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    x, h0 = draw(seq_len, batch, size), draw(len(reverse), batch, units) if options["h0"] else None
    w, r = draw(len(reverse), units, size) / 2, draw(len(reverse), units, units) / (2 * units**0.5)
    b = draw(len(reverse), 2, units) if options["bias"] else None
    lengths = rng.integers(0, seq_len + 1, batch) if options["lengths"] else None
    outputs = [
        rnn_forward(
            x,
            w[index],
            r[index],
            np.zeros(units, np.float32) if b is None else b[index].sum(axis=0),
            h0=None if h0 is None else h0[index],
            lengths=lengths,
            activation=Activation(ACTIVATIONS[name][0], *parameters),
            clip=options["clip"],
            reverse=against_time,
        )
        for index, (against_time, (name, parameters)) in enumerate(zip(reverse, options["activations"], strict=True))
    ]
    y, h_n = (np.stack(each, axis=axis) for each, axis in zip(zip(*outputs, strict=True), (1, 0), strict=True))
    their_y, their_h_n = operator(
        onnx,
        options,
        {
            "X": x,
            "W": w,
            "R": r,
            "B": None if b is None else b.reshape(len(reverse), -1),
            "sequence_lens": None if lengths is None else lengths.astype(np.int32),
            "initial_h": h0,
        },
    )
    if lengths is not None:
        empty = lengths == 0
        np.testing.assert_array_equal(h_n[:, empty], 0 if h0 is None else h0[:, empty])
        h_n[:, empty] = 0
    agree("onnxruntime", {**options, "seed": None}, {"Y": y, "Y_h": h_n}, {"Y": their_y, "Y_h": their_h_n})


def operator(onnx: Any, options: dict[str, Any], inputs: dict[str, np.ndarray | None]) -> list[np.ndarray]:
    """Y (T, D, B, H) and Y_h (D, B, H) of the RNN operator."""
    import onnxruntime

    parameters = {
        key: [numbers[index] for _, numbers in options["activations"] if len(numbers) > index]
        for index, key in enumerate(("activation_alpha", "activation_beta"))
    }
    node = onnx.helper.make_node(
        "RNN",
        [name if array is not None else "" for name, array in inputs.items()],
        ["Y", "Y_h"],
        hidden_size=options["hidden_size"],
        direction=options["direction"],
        activations=[name for name, _ in options["activations"]],
        **{key: numbers for key, numbers in parameters.items() if numbers},
        **({} if options["clip"] is None else {"clip": options["clip"]}),
    )
    given = {name: array for name, array in inputs.items() if array is not None}
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node],
        "recurrence",
        [value(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape) for name, array in given.items()],
        [value(name, onnx.TensorProto.FLOAT, None) for name in ("Y", "Y_h")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return session.run(None, given)  # type: ignore[no-any-return]
