"""`rnnfast.keras.SimpleRNN` against `keras.layers.SimpleRNN`; test_backends.py runs this on each backend.

Sizes are few, for JAX compiles a loop for each.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from keras_calls import BACKEND, gradient_of_gradient, outputs_and_gradients

import rnnfast.keras

# Frameworks warn of each other; rnnfast of what it does not cover, which is an error where it should cover it.
pytestmark = pytest.mark.filterwarnings("ignore", "error:rnnfast.keras")

BATCH, STEPS, FEATURES, UNITS = 4, 5, 3, 2
EXAMPLES = {"jax": 8, "torch": 50, "tensorflow": 20}[BACKEND]
PHASES = [Phase.generate, Phase.shrink]
ACTIVATIONS = [
    None,
    "tanh",
    "relu",
    "sigmoid",
    "linear",
    "elu",
    "selu",
    "softsign",
    "softplus",
    "hard_tanh",
    "leaky_relu",
    "hard_sigmoid",
    "relu6",
]
FLAGS = ("use_bias", "return_sequences", "return_state", "go_backwards", "zero_output_for_mask", "unroll")
OPTIONS = st.fixed_dictionaries(
    {
        "activation": st.sampled_from(ACTIVATIONS),
        "dtype": st.sampled_from(["float32", "float64"]),
        "dropout": st.sampled_from([0.0, 0.4]),
        "recurrent_dropout": st.sampled_from([0.0, 0.4]),
        **{name: st.booleans() for name in FLAGS},
    }
)
CALLS = st.fixed_dictionaries(
    {"mask": st.booleans(), "state": st.booleans(), "training": st.booleans(), "seed": st.integers(0, 2**32 - 1)}
)


def layers_of(options: dict[str, Any], shape: tuple[int, ...]) -> list[Any]:
    """Keras's layer and the one of rnnfast with the same weights and seed."""
    both = [kind(UNITS, seed=7, **options) for kind in (keras.layers.SimpleRNN, rnnfast.keras.SimpleRNN)]
    rng = np.random.default_rng(0)
    for layer in both:
        layer.build(shape)
    weights = [rng.uniform(-1, 1, variable.shape) for variable in both[0].weights if variable.trainable]
    for layer in both:
        for variable, value in zip(layer.trainable_variables, weights, strict=True):
            variable.assign(value)
    return both


@contextmanager
def reasons_given() -> Iterator[list[str]]:
    """What rnnfast warns of, with the name of the layer."""
    reasons: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield reasons
    reasons += [str(each.message) for each in caught if str(each.message).startswith("rnnfast.keras")]


def reason_expected(options: dict[str, Any], call: dict[str, Any]) -> str | None:
    if call["mask"] and options["unroll"]:
        return "unroll"
    return None


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], phases=PHASES)
@given(OPTIONS, CALLS)
def test_every_option(options: dict[str, Any], call: dict[str, Any]) -> None:
    """Outputs and every gradient; and that the kernels gave them, but for what is known not to be covered."""
    assume(
        not (BACKEND == "torch" and call["mask"] and options["unroll"] and options["go_backwards"])
    )  # fails in Keras
    # Where dropout leaves nothing of a row the pre-activation is 0; the slope of leaky_relu there is 1 in JAX alone.
    assume(
        not (BACKEND == "jax" and options["activation"] == "leaky_relu" and call["training"])
        or not options["dropout"]
        or options["use_bias"]
    )
    rng, dtype = np.random.default_rng(call["seed"]), options["dtype"]
    x = rng.standard_normal((BATCH, STEPS, FEATURES)).astype(dtype)
    state = rng.standard_normal((BATCH, UNITS)).astype(dtype) if call["state"] else None
    mask = rng.random((BATCH, STEPS)) < rng.random((BATCH, 1)).round(1) if call["mask"] else None
    theirs, ours = layers_of(options, x.shape)
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)
    arguments = {"mask": mask, "training": call["training"]}
    expected = outputs_and_gradients(theirs, x, state, **arguments)
    with reasons_given() as reasons:
        got = outputs_and_gradients(ours, x, state, **arguments)
    reason = reason_expected(options, call)
    assert (reason is None) == (not reasons)
    assert reason is None or reason in reasons[0]
    assert len(got) == len(expected)
    # On torch Keras multiplies matrices of float64 in float32; TensorFlow has the slope of leaky_relu in float32.
    in_float32 = BACKEND == "torch" or (BACKEND, options["activation"]) == ("tensorflow", "leaky_relu")
    rtol, atol = (1e-9, 1e-11) if dtype == "float64" and not in_float32 else (1e-4, 1e-5)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol * max(1, np.abs(other).max()))


def test_states_go_from_batch_to_batch() -> None:
    theirs, ours = layers_of({"stateful": True}, (BATCH, STEPS, FEATURES))
    x = np.random.default_rng(1).standard_normal((2, BATCH, STEPS, FEATURES)).astype("float32")
    for batch in (*x, None, *x):
        if batch is None:
            theirs.reset_states(), ours.reset_states()
            continue
        right, got = (outputs_and_gradients(layer, batch, None) for layer in (theirs, ours))
        for one, other in zip(got, right, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        theirs(batch), ours(batch)  # on JAX, what is differentiated above leaves the state alone
    np.testing.assert_allclose(*(keras.ops.convert_to_numpy(layer.states[0]) for layer in (theirs, ours)), atol=1e-6)


def test_states_reach_the_outputs() -> None:
    _, ours = layers_of({"stateful": True}, (BATCH, STEPS, FEATURES))
    x = np.ones((BATCH, 1, FEATURES), "float32")
    first, second = (keras.ops.convert_to_numpy(ours(x)) for _ in range(2))
    ours.reset_state()
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours(x)), first)


@pytest.mark.parametrize(("mode", "return_sequences"), [("concat", True), ("sum", False), ("mul", True), (None, False)])
def test_bidirectional(mode: str | None, return_sequences: bool) -> None:
    x = np.random.default_rng(2).standard_normal((BATCH, STEPS, FEATURES)).astype("float32")
    mask = keras.ops.convert_to_tensor(np.arange(STEPS) >= np.array([0, 1, 3, STEPS])[:, None])
    results, weights = [], None
    for kind in (keras.layers.SimpleRNN, rnnfast.keras.SimpleRNN):
        layer = keras.layers.Bidirectional(kind(UNITS, return_sequences=return_sequences), merge_mode=mode)
        layer.build(x.shape)
        weights = weights or layer.get_weights()
        layer.set_weights(weights)
        results.append(outputs_and_gradients(layer, x, None, mask=mask))
    assert type(layer.forward_layer) is type(layer.backward_layer) is rnnfast.keras.SimpleRNN
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def swish(a: Any) -> Any:
    return a * keras.ops.sigmoid(a)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": swish}, "the activation swish"),
        ({"activation": keras.layers.LeakyReLU(0.3)}, "the activation LeakyReLU"),
        ({"dtype": "mixed_bfloat16"}, "bfloat16"),
    ],
)
def test_what_is_not_covered_warns_once(options: dict[str, Any], words: str) -> None:
    theirs, ours = layers_of(options, (BATCH, STEPS, FEATURES))
    x = np.random.default_rng(3).standard_normal((BATCH, STEPS, FEATURES)).astype("float32")
    with reasons_given() as reasons:
        got = [keras.ops.convert_to_numpy(ours(x)) for _ in range(2)]
    assert reasons == [f"rnnfast.keras, layer {ours.name!r}: {words} is not covered; Keras's own loop runs"]
    np.testing.assert_array_equal(got[0], keras.ops.convert_to_numpy(theirs(x)))
    np.testing.assert_array_equal(*got)


def test_a_mask_of_three_axes_is_keras_own() -> None:
    theirs, ours = layers_of({}, (BATCH, STEPS, FEATURES))
    x = np.random.default_rng(3).standard_normal((BATCH, STEPS, FEATURES)).astype("float32")
    mask = keras.ops.convert_to_tensor(np.ones((BATCH, STEPS, 1), bool))
    with reasons_given() as reasons:
        got = ours(x, mask=mask)
    assert "a mask of 3 axes is not covered" in reasons[0]
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(each) for each in (got, theirs(x, mask=mask))))


def test_an_empty_batch_is_keras_own() -> None:
    with pytest.warns(UserWarning, match="an input without elements is not covered"):
        assert rnnfast.keras.SimpleRNN(3)(np.zeros((0, 7, 3), "float32")).shape == (0, 3)


def test_a_gradient_of_a_gradient_raises() -> None:
    _, ours = layers_of({}, (BATCH, STEPS, FEATURES))
    with pytest.raises(NotImplementedError, match="first derivative"):
        gradient_of_gradient(ours, np.ones((BATCH, STEPS, FEATURES), "float32"))
