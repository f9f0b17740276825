"""rnnfast's models as ONNX: ONNX Runtime and `load` compute what they compute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")

import rnnfast  # noqa: E402  # onnx is there
from rnnfast import Activation  # noqa: E402
from rnnfast.layers import (  # noqa: E402
    ActivityRegularization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Masking,
    Padding,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)
from rnnfast.onnx import export, load, to_proto  # noqa: E402

RECURRENT = [
    *("tanh", "relu", "sigmoid", "linear", "softsign", "softplus", "leaky_relu", "thresholded_relu", "elu"),
    *("hard_sigmoid", "scaled_tanh", "affine", Activation("leaky_relu", 0.25), Activation("scaled_tanh", 1.5, 0.5)),
]
WORDS, FEATURES = 9, 3

OF_RNN = {
    "units": st.sampled_from([2, 4, 6]),
    "activation": st.sampled_from(RECURRENT),
    "use_bias": st.booleans(),
    "clip": st.sampled_from([None, 0.5]),
    "heads": st.sampled_from([1, 2]),
    "go_backwards": st.booleans(),
    "zero_output_for_mask": st.booleans(),
}
STACKS = st.fixed_dictionaries(
    {
        "first": st.sampled_from(["ids", "masked ids", "numbers", "masked numbers", "padded numbers"]),
        "rnns": st.lists(
            st.tuples(st.sampled_from([None, "concat", "sum", "mul", "ave"]), st.fixed_dictionaries(OF_RNN)),
            min_size=1,
            max_size=2,
        ),
        "return_sequences": st.booleans(),
        "distributed": st.booleans(),
        "dense": st.sampled_from([*RECURRENT, "softmax", "selu", "hard_tanh", Activation("softplus", beta=2.0)]),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def stack(options: dict[str, Any]) -> rnnfast.Sequential:
    """A model with random weights, biases too; small, for ONNX Runtime's softplus of 89 and more is infinite."""
    layers: list[Any] = {
        "ids": [Embedding(WORDS, FEATURES)],
        "masked ids": [Embedding(WORDS, FEATURES, mask_zero=True)],
        "numbers": [ActivityRegularization(input_shape=(None, FEATURES))],
        "masked numbers": [Masking(input_shape=(None, FEATURES))],
        "padded numbers": [Padding(input_shape=(None, FEATURES))],
    }[options["first"]]
    for place, (merge, cell) in enumerate(options["rnns"]):
        last = place == len(options["rnns"]) - 1
        cell = {**cell, "return_sequences": not last or options["return_sequences"]}
        rnn, back = SimpleRNN(**cell), SimpleRNN(**{**cell, "go_backwards": not cell["go_backwards"]})
        layers += [rnn if merge is None else Bidirectional(rnn, merge, back), Dropout(0.5)]
    dense = Dense(3, activation=options["dense"])
    distributed = options["distributed"] and options["return_sequences"]
    model = rnnfast.Sequential([*layers, TimeDistributed(dense) if distributed else dense])
    model.build()
    rng = np.random.default_rng(options["seed"])
    model.set_weights([0.3 * rng.standard_normal(array.shape) for array in model.get_weights()])
    return model


def inputs(first: str, shape: tuple[int, int], seed: int) -> np.ndarray:
    """With steps masked anywhere, and a sequence that is masked as a whole."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, WORDS, shape) * rng.integers(0, 2, shape)
    ids[-1] = 0
    if "ids" in first:
        return ids
    steps = rng.standard_normal((*shape, FEATURES)).astype(np.float32)
    return np.where(ids[..., None] > 0, steps, np.float32(np.nan if "padded" in first else 0))


@settings(max_examples=100, deadline=None)
@given(STACKS)
def test_sequential(onnxruntime, options: dict[str, Any]) -> None:
    model = stack(options)
    proto = to_proto(model)
    for shape in ((4, 7), (2, 1)):
        x = inputs(options["first"], shape, options["seed"])
        expected = model.predict(x)
        (theirs,) = onnxruntime(proto, {"x": x})
        scale = max(1, np.abs(expected).max())
        np.testing.assert_allclose(theirs, expected, rtol=1e-5, atol=1e-5 * scale)
        again = load(proto)(x)
        assert again.dtype == expected.dtype
        np.testing.assert_allclose(again, expected, rtol=1e-5, atol=1e-5 * scale)


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "num_layers": st.integers(1, 3),
            "nonlinearity": st.sampled_from(RECURRENT),
            "bias": st.booleans(),
            "batch_first": st.booleans(),
            "bidirectional": st.booleans(),
            "dropout": st.sampled_from([0.0, 0.5]),
            "seed": st.integers(0, 2**32 - 1),
        }
    ),
    st.booleans(),
    st.booleans(),
)
def test_rnn(onnxruntime, options: dict[str, Any], h0: bool, lengths: bool) -> None:
    rnn = rnnfast.RNN(3, 5, **options)
    proto = to_proto(rnn, h0=h0, lengths=lengths)
    rng = np.random.default_rng(options["seed"])
    shape = (4, 7) if rnn.batch_first else (7, 4)
    states = rnn.num_layers * (1 + rnn.bidirectional)
    given: dict[str, Any] = {"x": rng.standard_normal((*shape, 3)).astype(np.float32)}
    given |= {"h0": rng.standard_normal((states, 4, 5)).astype(np.float32)} if h0 else {}
    given |= {"lengths": rng.integers(1, 8, 4).astype(np.int32)} if lengths else {}
    expected = rnn(**given)
    for results in (onnxruntime(proto, given), load(proto)(**given)):
        for result, wanted in zip(results, expected, strict=True):
            np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5 * max(1, np.abs(wanted).max()))


def test_tied_dense(onnxruntime) -> None:
    model = rnnfast.Sequential([Embedding(9, 4), SimpleRNN(4, return_sequences=True), TiedDense("softmax")], seed=0)
    model.build()
    x = inputs("ids", (3, 5), 0)
    np.testing.assert_allclose(onnxruntime(to_proto(model), {"x": x})[0], model.predict(x), rtol=1e-5, atol=1e-6)


def test_dense_alone(onnxruntime) -> None:
    """A model without steps."""
    model = rnnfast.Sequential([Dense(4, "relu", input_shape=(3,)), Dense(2)], seed=0)
    model.build()
    proto, x = to_proto(model), np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    assert [value.shape for value in load(proto).inputs] == [("batch", 3)]
    np.testing.assert_allclose(onnxruntime(proto, {"x": x})[0], model.predict(x), rtol=1e-5, atol=1e-6)


def test_float64() -> None:
    """ONNX has it, ONNX Runtime's RNN has not."""
    model = rnnfast.Sequential([SimpleRNN(4, input_shape=(None, 3)), Dense(1, "sigmoid")], seed=0, dtype="float64")
    model.build()
    x = np.random.default_rng(0).standard_normal((5, 6, 3))
    np.testing.assert_allclose(load(to_proto(model))(x), model.predict(x), rtol=1e-13)


def test_layers_of_one_name() -> None:
    """Layers inside others may have the names of others."""
    inner = Bidirectional(SimpleRNN(2, return_sequences=True)), Bidirectional(SimpleRNN(2, return_sequences=True))
    model = rnnfast.Sequential([Embedding(9, 2), *inner, TimeDistributed(Dense(3)), Dense(2)], seed=0)
    model.build()
    x = inputs("ids", (3, 5), 0)
    np.testing.assert_allclose(load(to_proto(model))(x), model.predict(x), rtol=1e-5, atol=1e-6)


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    model = rnnfast.Sequential([Embedding(9, 4, mask_zero=True), SimpleRNN(4)], seed=0)
    with pytest.raises(ValueError, match="model: expected one that is built"):
        export(rnnfast.Sequential([SimpleRNN(4)]), path)
    assert list(tmp_path.iterdir()) == []
    model.build()
    export(model, path)
    assert list(tmp_path.iterdir()) == [path]
    onnx.checker.check_model(path, full_check=True)
    loaded = load(path)
    assert [(value.name, value.dtype.name, value.shape) for value in (*loaded.inputs, *loaded.outputs)] == [
        ("x", "int64", ("batch", "time")),
        ("y", "float32", ("batch", 4)),
    ]
    before = path.read_bytes()
    refused = rnnfast.Sequential([SimpleRNN(4, stateful=True, input_shape=(5, 3))])
    refused.build()
    with pytest.raises(ValueError, match="stateful"):
        export(refused, path)
    assert path.read_bytes() == before


class OfMyOwn(Dropout):
    """A layer that ONNX knows nothing of."""


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (SimpleRNN(4, stateful=True), "stateful: expected False in 'simple_rnn' for ONNX, got True"),
        (SimpleRNN(4, zoneout=0.5), "zoneout: expected 0.0 in 'simple_rnn' for ONNX, got 0.5"),
        (SimpleRNN(4, layer_norm=True), "layer_norm: expected False in 'simple_rnn' for ONNX, got True"),
        (SimpleRNN(4, "selu"), "activation of 'simple_rnn': expected an activation that ONNX's RNN has, got .*'selu'"),
        (SimpleRNN(4, Activation("softplus", beta=2)), "activation of 'simple_rnn': expected an activation that ONNX"),
        (Bidirectional(SimpleRNN(4, "hard_tanh")), "activation of 'forward_simple_rnn': expected an activation that"),
        (OfMyOwn(0.5), "model: expected layers among ActivityRegularization, .*, got 'of_my_own' of OfMyOwn"),
    ],
)
def test_what_onnx_cannot_express(layer: Any, message: str) -> None:
    model = rnnfast.Sequential([Embedding(9, 3), layer])
    model.build()
    with pytest.raises(ValueError, match=message):
        to_proto(model)


def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match="model: expected a Sequential or an RNN, got str"):
        to_proto("model")
    model = rnnfast.Sequential([Embedding(9, 3)])
    for option in ("h0", "lengths"):
        with pytest.raises(ValueError, match=f"{option}: expected False for a Sequential, got True"):
            to_proto(model, **{option: True})
    with pytest.raises(ValueError, match="expected an activation that ONNX's RNN has"):
        to_proto(rnnfast.RNN(2, 3, nonlinearity="selu"))
    inner = TimeDistributed(SimpleRNN(2), input_shape=(None, 4, 3))
    model = rnnfast.Sequential([inner])
    model.build()
    with pytest.raises(
        ValueError, match="expected a Dense or a Dropout inside 'time_distributed' for ONNX, got Simple"
    ):
        to_proto(model)
