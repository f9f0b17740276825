"""The operator RNN: against ONNX Runtime where that has it, and against the kernels it runs on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")

from rnnfast import Activation, rnn_forward
from rnnfast.onnx import load

NUMBERS = st.sampled_from([0.125, 0.75, 1.0, 1.5])
# Of each activation what is drawn for its alpha and beta; () for the defaults.
ACTIVATIONS: dict[str, tuple[st.SearchStrategy[float], ...]] = {
    **dict.fromkeys(("Tanh", "Relu", "Sigmoid", "Softsign", "Softplus"), ()),
    **dict.fromkeys(("Affine", "ScaledTanh", "HardSigmoid"), (NUMBERS, NUMBERS)),
    **dict.fromkeys(("LeakyRelu", "ThresholdedRelu", "Elu"), (NUMBERS,)),
}
REVERSES = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
Y = {"Y": (np.float32, 4), "Y_h": (np.float32, 3)}


@st.composite
def activations(draw: st.DrawFn) -> tuple[str, tuple[float, ...]]:
    """The name of an activation, with its alpha and beta."""
    name = draw(st.sampled_from(sorted(ACTIVATIONS)))
    return name, tuple(map(draw, ACTIVATIONS[name]))


OPTIONS = st.sampled_from(sorted(REVERSES)).flatmap(
    lambda direction: st.fixed_dictionaries(
        {
            "direction": st.just(direction),
            "activations": st.tuples(*(activations() for _ in REVERSES[direction])),
            "clip": st.sampled_from([None, 0.5]),
            "sizes": st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(1, 9)),
            "left_out": st.sets(st.sampled_from(["B", "sequence_lens", "initial_h"])),
            "opset": st.sampled_from([7, 14, 22]),
            "seed": st.integers(0, 2**32 - 1),
        }
    )
)


def arrays(options: dict[str, Any]) -> dict[str, np.ndarray | None]:
    rng = np.random.default_rng(options["seed"])
    (seq_len, batch, features, units), directions = options["sizes"], len(options["activations"])
    shapes = {
        "X": (seq_len, batch, features),
        "W": (directions, units, features),
        "R": (directions, units, units),
        "B": (directions, 2 * units),
        "sequence_lens": (batch,),
        "initial_h": (directions, batch, units),
    }
    # Small, for ONNX Runtime's softplus of 89 and more is infinite.
    drawn: dict[str, Any] = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    # Length 0 keeps initial_h here; ONNX does not say, and ONNX Runtime has 0.
    drawn["sequence_lens"] = rng.integers(1, seq_len + 1, batch).astype(np.int32)
    return {name: None if name in options["left_out"] else array for name, array in drawn.items()}


def attributes(options: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        key: [numbers[place] for _, numbers in options["activations"] if len(numbers) > place]
        for place, key in enumerate(("activation_alpha", "activation_beta"))
    }
    return {
        "direction": options["direction"],
        "hidden_size": options["sizes"][3],
        "activations": [name for name, _ in options["activations"]],
        **{key: numbers for key, numbers in parameters.items() if numbers},
        **({} if options["clip"] is None else {"clip": options["clip"]}),
    }


@settings(max_examples=150, deadline=None)
@given(OPTIONS)
def test_against_onnxruntime(node_model, onnxruntime, options: dict[str, Any]) -> None:
    inputs = arrays(options)
    model = node_model("RNN", inputs, Y, opset=options["opset"], **attributes(options))
    present = {name: array for name, array in inputs.items() if array is not None}
    for ours, theirs in zip(load(model).run(present).values(), onnxruntime(model, present), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * max(1, np.abs(theirs).max()))


@settings(max_examples=30, deadline=None)
@given(OPTIONS)
def test_layout_1_is_batch_major(node_model, options: dict[str, Any]) -> None:
    """ONNX Runtime does not have it."""
    inputs = arrays(options)
    y, y_h = load(node_model("RNN", inputs, Y, **attributes(options)))(
        **{name: array for name, array in inputs.items() if array is not None}
    )
    turned = {
        name: array.swapaxes(0, 1) if name in ("X", "initial_h") and array is not None else array
        for name, array in inputs.items()
    }
    their_y, their_y_h = load(node_model("RNN", turned, Y, layout=1, **attributes(options)))(
        **{name: array for name, array in turned.items() if array is not None}
    )
    np.testing.assert_array_equal(their_y, y.transpose(2, 0, 1, 3))
    np.testing.assert_array_equal(their_y_h, y_h.swapaxes(0, 1))


OF_ONE = {"direction": "forward", "activations": (("Tanh", ()),), "clip": None, "sizes": (5, 3, 2, 4), "seed": 0}


@pytest.mark.parametrize("opset", [1, 7, 14, 22])
def test_opsets(node_model, opset: int) -> None:
    inputs = arrays({**OF_ONE, "left_out": ()})
    given = {"output_sequence": 1} if opset == 1 else {}
    y, y_h = load(node_model("RNN", inputs, Y, opset=opset, hidden_size=4, **given))(**inputs)
    x, w, r, b, lengths, h0 = inputs.values()
    expected, h_n = rnn_forward(x, w[0], r[0], b[0, :4] + b[0, 4:], h0=h0[0], lengths=lengths)
    np.testing.assert_array_equal(y[:, 0], expected)
    np.testing.assert_array_equal(y_h[0], h_n)


@pytest.mark.parametrize(("dtype", "weights"), [("float64", "float64"), ("float16", "float32")])
def test_dtypes(node_model, dtype: str, weights: str) -> None:
    """In 16 bits x and y alone are stored so."""
    inputs = arrays({**OF_ONE, "left_out": ("sequence_lens",)})
    cast = {name: None if array is None else array.astype(dtype) for name, array in inputs.items()}
    model = node_model("RNN", cast, {name: (dtype, axes) for name, (_, axes) in Y.items()}, hidden_size=4)
    y, y_h = load(model)(**{name: array for name, array in cast.items() if array is not None})
    x, w, r, b, _, h0 = (None if array is None else array.astype(weights) for array in cast.values())
    expected, h_n = rnn_forward(x.astype(dtype), w[0], r[0], b[0, :4] + b[0, 4:], h0=h0[0])
    assert y.dtype == y_h.dtype == dtype
    np.testing.assert_array_equal(y[:, 0], expected)
    np.testing.assert_array_equal(y_h[0], h_n.astype(dtype))


def test_defaults_of_alpha_and_beta(node_model) -> None:
    """Numbers go, in order, to the activations that have any; names in any case."""
    inputs = arrays({**OF_ONE, "activations": ((), ()), "left_out": ("B", "sequence_lens", "initial_h")})
    given = {"direction": "bidirectional", "activations": ["elu", "HARDSIGMOID"], "activation_alpha": [2.0, 0.25]}
    y, _ = load(node_model("RNN", inputs, Y, **given))(**{name: inputs[name] for name in "XWR"})
    x, w, r, *_ = inputs.values()
    expected = [Activation("elu", alpha=2.0), Activation("hard_sigmoid", alpha=0.25, beta=0.5)]
    for place, activation in enumerate(expected):
        ours, _ = rnn_forward(
            x, w[place], r[place], np.zeros(4, np.float32), activation=activation, reverse=bool(place)
        )
        np.testing.assert_array_equal(y[:, place], ours)


def test_length_0_keeps_initial_h(node_model) -> None:
    inputs = arrays({**OF_ONE, "left_out": ()})
    inputs["sequence_lens"] = np.array([0, 5, 2], np.int32)
    y, y_h = load(node_model("RNN", inputs, Y))(**inputs)
    np.testing.assert_array_equal(y_h[0, 0], inputs["initial_h"][0, 0])
    np.testing.assert_array_equal(y[:, 0, 0], 0)
    np.testing.assert_array_equal(y[2:, 0, 2], 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"direction": "sideways"}, "node 'it' .RNN.: direction: expected one of forward, reverse, bidirectional, got"),
        ({"activations": ["Gelu"]}, "node 'it' .RNN.: activations: expected some of Tanh, Relu, .*, got 'Gelu'"),
        (
            {"direction": "bidirectional", "activations": ["Tanh"]},
            "activations: expected 2 for direction=bidirectional",
        ),
        ({"activation_alpha": [1.0]}, "activation_alpha: expected as many as .'Tanh'. take, got .1.0. beyond these"),
        ({"activations": ["Elu"], "activation_alpha": [-1.0]}, "alpha: expected at least 0 for 'elu', got -1"),
        ({"clip": -1.0}, "clip: expected more than 0"),
    ],
)
def test_bad_attributes(node_model, given: dict[str, Any], message: str) -> None:
    inputs = arrays({**OF_ONE, "left_out": ("B", "sequence_lens", "initial_h")})
    with pytest.raises(ValueError, match=message):
        load(node_model("RNN", inputs, Y, **given))


def test_bad_shapes(node_model) -> None:
    inputs = arrays({**OF_ONE, "left_out": ("B", "sequence_lens", "initial_h")})
    given = {name: inputs[name] for name in "XWR"}
    with pytest.raises(ValueError, match=r"W: expected shape \(2, 4, 2\) for direction=bidirectional, got \(1, 4, 2\)"):
        load(node_model("RNN", inputs, Y, direction="bidirectional"))(**given)
    with pytest.raises(ValueError, match=r"W: expected shape \(1, 7, 2\) for direction=forward, got \(1, 4, 2\)"):
        load(node_model("RNN", inputs, Y, hidden_size=7))(**given)


@pytest.mark.parametrize("shape", [(4, 0), (0, 3), (0, 0)])
@pytest.mark.parametrize("layout", [0, 1])
def test_no_steps_or_no_sequences(node_model, shape: tuple[int, int], layout: int) -> None:
    """The state is what it was."""
    (steps, batch), rng = shape, np.random.default_rng(0)
    arrays = {
        "x": rng.standard_normal((steps, batch, 2)),
        "w": rng.standard_normal((2, 3, 2)),
        "r": rng.standard_normal((2, 3, 3)),
        "b": None,
        "lengths": None,
        "h": rng.standard_normal((2, batch, 3)),
    }
    inputs = {name: None if array is None else array.astype(np.float32) for name, array in arrays.items()}
    if layout:
        inputs |= {name: inputs[name].swapaxes(0, 1) for name in ("x", "h")}
    outputs = {"y": (np.float32, 4), "y_h": (np.float32, 3)}
    options = {"direction": "bidirectional", "hidden_size": 3, "layout": layout}
    given = {name: array for name, array in inputs.items() if array is not None}
    y, y_h = load(node_model("RNN", inputs, outputs, **options)).run(given).values()
    assert y.shape == ((batch, steps, 2, 3) if layout else (steps, 2, batch, 3))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y_h, inputs["h"])
    initial = np.zeros((7, 2, 3) if layout else (2, 7, 3), np.float32)
    loaded = load(node_model("RNN", inputs | {"h": initial}, outputs, **options))
    with pytest.raises(ValueError, match=r"initial_h: expected \(batch, hidden_size\) = "):
        loaded.run(given | {"h": initial})
