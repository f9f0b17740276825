"""Models with `rnnfast.keras.SimpleRNN` in them; test_backends.py runs this on each backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras_calls import BACKEND

import rnnfast.keras

pytestmark = pytest.mark.filterwarnings("ignore", "error:rnnfast.keras")

WORDS, STEPS, EXAMPLES = 30, 6, 32
SIMPLE_RNNS = keras.layers.SimpleRNN, rnnfast.keras.SimpleRNN
layers = keras.layers


def padded_words() -> tuple[np.ndarray, np.ndarray]:
    """Word numbers (examples, T), padded in front with zeros, and labels."""
    rng = np.random.default_rng(0)
    words = rng.integers(1, WORDS, (EXAMPLES, STEPS))
    words[np.arange(STEPS) < rng.integers(0, STEPS, EXAMPLES)[:, None]] = 0
    return words.astype("int32"), rng.integers(0, 2, (EXAMPLES, 1)).astype("float32")


def sentiment(simple_rnn: Any) -> Any:
    """Masks from an embedding, a wrapper around the layer, and dropout."""
    stack = [
        layers.Embedding(WORDS, 4, mask_zero=True),
        layers.Bidirectional(simple_rnn(3, return_sequences=True)),
        simple_rnn(3, activation="relu", dropout=0.2, seed=1, kernel_regularizer="l2", recurrent_constraint="max_norm"),
        layers.Dense(1),
    ]
    return keras.Sequential([keras.Input((STEPS,), dtype="int32"), *stack])


def encoder_decoder(simple_rnn: Any) -> Any:
    """States from one layer to the next, and a model that is run for each half of a sequence."""
    half = keras.Input((STEPS // 2, 4))
    inner = keras.Model(half, simple_rnn(3, go_backwards=True)(half))
    words = keras.Input((STEPS,), dtype="int32")
    x = layers.Embedding(WORDS, 4)(words)
    _, state = simple_rnn(3, return_state=True)(x)
    y = simple_rnn(3, return_sequences=True)(x, initial_state=state)
    halves = layers.TimeDistributed(inner)(layers.Reshape((2, STEPS // 2, 4))(x))
    return keras.Model(words, layers.Dense(1)(layers.Concatenate()([layers.Flatten()(y), layers.Flatten()(halves)])))


def trained(model: Any, **options: Any) -> list[np.ndarray]:
    """Weights, then predictions, after two epochs."""
    words, labels = padded_words()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.RMSprop(0.01), loss, **options)
    model.fit(words, labels, epochs=2, batch_size=8, shuffle=False, verbose=0)
    return [*model.get_weights(), model.predict(words, verbose=0)]


def test_training_goes_as_with_keras() -> None:
    """Under the compiler that the backend has by default."""
    theirs, ours = (sentiment(kind) for kind in SIMPLE_RNNS)
    ours.set_weights(theirs.get_weights())
    for one, other in zip(trained(ours), trained(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(BACKEND == "jax", reason="JAX has one way to run, and that is the one above")
def test_training_without_a_compiler() -> None:
    compiled, eager = (sentiment(rnnfast.keras.SimpleRNN) for _ in range(2))
    eager.set_weights(compiled.get_weights())
    for one, other in zip(trained(compiled), trained(eager, run_eagerly=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("build", [sentiment, encoder_decoder])
def test_a_file_holds_the_model(build: Any, tmp_path: Path) -> None:
    words, _ = padded_words()
    model = build(rnnfast.keras.SimpleRNN)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    kinds = [type(layer) for layer in loaded._flatten_layers() if isinstance(layer, layers.SimpleRNN)]
    assert set(kinds) == {rnnfast.keras.SimpleRNN}
    np.testing.assert_array_equal(loaded.predict(words, verbose=0), model.predict(words, verbose=0))


def test_weights_go_both_ways(tmp_path: Path) -> None:
    words, _ = padded_words()
    for kind, other in (SIMPLE_RNNS, SIMPLE_RNNS[::-1]):
        model, reader = sentiment(kind), sentiment(other)
        model.save_weights(tmp_path / "of.weights.h5")
        reader.load_weights(tmp_path / "of.weights.h5")
        predictions = [each.predict(words, verbose=0) for each in (model, reader)]
        np.testing.assert_allclose(*predictions, rtol=1e-4, atol=1e-6)


def test_configuration_is_that_of_keras() -> None:
    options = {
        "activation": "relu",
        "use_bias": False,
        "recurrent_regularizer": "l1",
        "dropout": 0.1,
        "recurrent_dropout": 0.2,
        "return_sequences": True,
        "stateful": True,
        "zero_output_for_mask": True,
        "dtype": "float64",
        "name": "rnn",
    }
    theirs, ours = (kind(3, **options) for kind in SIMPLE_RNNS)
    assert ours.get_config() == theirs.get_config()
    assert rnnfast.keras.SimpleRNN.from_config(theirs.get_config()).get_config() == theirs.get_config()


def test_replace() -> None:
    """Before and after a model was trained: the compiled step of Keras's layer is not run again."""
    theirs, ours = (encoder_decoder(layers.SimpleRNN) for _ in range(2))
    ours.set_weights(theirs.get_weights())
    trained(theirs)
    trained(ours)
    found = [layer for layer in ours._flatten_layers() if type(layer) is layers.SimpleRNN]
    assert rnnfast.keras.replace(ours) == len(found) == 3
    assert {type(layer) for layer in found} == {rnnfast.keras.SimpleRNN}
    assert rnnfast.keras.replace(ours) == 0
    words, labels = padded_words()
    for model in (theirs, ours):
        model.fit(words, labels, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_replace_leaves_subclasses() -> None:
    class Own(layers.SimpleRNN):
        pass

    model = keras.Sequential([keras.Input((STEPS, 3)), Own(2)])
    assert rnnfast.keras.replace(model) == 0
    with pytest.raises(TypeError, match=r"model: expected a keras.Layer or keras.Model, got str"):
        rnnfast.keras.replace("model")
