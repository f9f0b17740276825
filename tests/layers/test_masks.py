"""Masks in the layers: steps by hand, Keras, finite differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rnnfast.layers import (
    ActivityRegularization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Masking,
    Padding,
    SimpleRNN,
    TimeDistributed,
)
from rnnfast.random_masks import MaskGenerator

rng = np.random.default_rng(0)
B, T, I, H = 6, 5, 2, 3  # noqa: E741
x = rng.standard_normal((B, T, I))
MASK = np.array(
    [
        [1, 1, 1, 1, 1],
        [1, 1, 0, 0, 0],  # padded behind
        [0, 0, 1, 1, 1],  # padded before
        [1, 0, 0, 1, 0],  # holes
        [0, 1, 0, 1, 1],
        [0, 0, 0, 0, 0],
    ],
    bool,
)
FLAGS = [*itertools.product([False, True], repeat=3)]  # return_sequences, go_backwards, zero_output_for_mask


def options_of(flags: tuple[bool, bool, bool]) -> dict[str, bool]:
    return dict(zip(("return_sequences", "go_backwards", "zero_output_for_mask"), flags, strict=True))


CELLS = [
    {},
    {"dropout": 0.4},
    {"dropout": 0.2, "recurrent_dropout": 0.3},
    {"zoneout": 0.3, "output_dropout": 0.3},
    {"layer_norm": True, "recurrent_dropout": 0.2, "zoneout": 0.3, "drop_connect": 0.2},
]


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("flags", FLAGS)
def test_a_masked_step_holds_the_state(flags, cell, by_hand):
    options = {**options_of(flags), **cell, "bias_initializer": "normal", "return_state": True}
    layer = SimpleRNN(H, dtype="float64", seed=1, **options)
    poisoned = np.where(MASK[:, :, None], x, np.nan)
    y, state = layer(poisoned, training=True, mask=MASK)
    outputs, h = by_hand(layer, np.where(MASK[:, :, None], x, 0), mask=MASK, training=True)
    np.testing.assert_allclose(state, h, rtol=1e-11)
    np.testing.assert_allclose(y, outputs if layer.return_sequences else outputs[:, -1], rtol=1e-11)


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("flags", FLAGS)
def test_gradients(flags, cell, numeric_gradient):
    layer = SimpleRNN(H, dtype="float64", seed=1, bias_initializer="normal", **options_of(flags), **cell)
    inputs = x.copy()
    dy = rng.standard_normal(layer(inputs, mask=MASK).shape)

    def loss():
        layer.masks = MaskGenerator(np.random.SeedSequence(4))  # the same dropout every time
        return float((layer.forward(inputs, True, MASK) * dy).sum())

    loss()
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx, numeric_gradient(loss, inputs), atol=1e-7)
    assert not dx[~MASK].any()
    for parameter in layer.parameters:
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


@pytest.mark.parametrize("sequences", [False, True])
def test_gradients_of_both_directions(sequences, numeric_gradient):
    layer = Bidirectional(SimpleRNN(H, return_sequences=sequences, bias_initializer="normal"), dtype="float64", seed=1)
    inputs = x.copy()
    dy = rng.standard_normal(layer(inputs, mask=MASK).shape)

    def loss():
        return float((layer.forward(inputs, True, MASK) * dy).sum())

    loss()
    np.testing.assert_allclose(layer.backward(dy), numeric_gradient(loss, inputs), atol=1e-7)
    for parameter in layer.parameters:
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("flags", FLAGS)
def test_simple_rnn_is_that_of_keras(flags, keras):
    options = {**options_of(flags), "return_state": True, "stateful": True, "bias_initializer": "random_normal"}
    theirs = keras.layers.SimpleRNN(H, **options)
    ours = SimpleRNN(H, **{**options, "bias_initializer": "normal"})
    inputs = x.astype(np.float32)
    ours(inputs), theirs(inputs)
    ours.set_weights(theirs.get_weights())
    ours.reset_states(), theirs.reset_states()
    for mask in (MASK, MASK[::-1]):  # the second goes on from the states of the first
        for one, other in zip(ours(inputs, mask=mask), theirs(inputs, mask=mask), strict=True):
            np.testing.assert_allclose(one, np.asarray(other), rtol=1e-4, atol=1e-6)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["concat", "mul", None])
@pytest.mark.parametrize(("sequences", "zeros"), [(False, False), (True, False), (False, True), (True, True)])
def test_bidirectional_is_that_of_keras(sequences, zeros, mode, keras):
    options = {"return_sequences": sequences, "zero_output_for_mask": zeros}
    theirs = keras.layers.Bidirectional(keras.layers.SimpleRNN(H, **options, bias_initializer="random_normal"), mode)
    ours = Bidirectional(SimpleRNN(H, **options), mode)
    inputs = x.astype(np.float32)
    ours(inputs), theirs(inputs)
    ours.set_weights(theirs.get_weights())
    got, expected = ours(inputs, mask=MASK), theirs(inputs, mask=MASK)
    for one, other in zip([got] if mode else got, [expected] if mode else expected, strict=True):
        np.testing.assert_allclose(one, np.asarray(other), rtol=1e-4, atol=1e-6)


def with_mask_of_keras(keras, layer, inputs):
    """What a layer of Keras returns for inputs that have MASK, and the mask that this has."""
    inputs = keras.ops.convert_to_tensor(inputs)
    inputs._keras_mask = keras.ops.convert_to_tensor(MASK)
    y = layer(inputs)
    return np.asarray(y), getattr(y, "_keras_mask", None)


PAIRS = {
    "SimpleRNN": lambda layers: layers.SimpleRNN(H),
    "sequences": lambda layers: layers.SimpleRNN(H, return_sequences=True),
    "backwards": lambda layers: layers.SimpleRNN(H, return_sequences=True, go_backwards=True),
    "Bidirectional": lambda layers: layers.Bidirectional(layers.SimpleRNN(H)),
    "Bidirectional sequences": lambda layers: layers.Bidirectional(layers.SimpleRNN(H, return_sequences=True)),
    "Dense": lambda layers: layers.Dense(4),
    "Dropout": lambda layers: layers.Dropout(0.5),
    "TimeDistributed": lambda layers: layers.TimeDistributed(layers.Dense(4)),
    "ActivityRegularization": lambda layers: layers.ActivityRegularization(0.1),
    "Masking": lambda layers: layers.Masking(),
}


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", PAIRS)
def test_layers_hand_on_the_masks_of_keras(kind, keras):
    import rnnfast.layers

    theirs, ours = PAIRS[kind](keras.layers), PAIRS[kind](rnnfast.layers)
    inputs = x.astype(np.float32)
    inputs[0, 1] = inputs[2, 0] = 0
    ours(inputs), theirs(inputs)
    if ours.parameters:
        ours.set_weights(theirs.get_weights())
    y, mask = with_mask_of_keras(keras, theirs, inputs)
    np.testing.assert_allclose(ours(inputs, mask=MASK), y, rtol=1e-4, atol=1e-6)
    if mask is None:
        assert ours.compute_mask(inputs, MASK) is None
    else:
        np.testing.assert_array_equal(ours.compute_mask(inputs, MASK), np.asarray(mask))


def test_who_hands_on_a_mask():
    for layer in (Dense(2), Dropout(0.5), ActivityRegularization(), TimeDistributed(Dense(2))):
        assert layer.compute_mask(x, MASK) is MASK
    for sequences in (False, True):
        rnn = SimpleRNN(H, return_sequences=sequences)
        for layer in (rnn, Bidirectional(rnn)):
            assert layer.compute_mask(x, MASK) is (MASK if sequences else None)
    ids = np.array([[3, 0, 1], [0, 0, 2]])
    np.testing.assert_array_equal(Embedding(5, 2, mask_zero=True).compute_mask(ids), ids != 0)
    assert Embedding(5, 2).compute_mask(ids) is None


class Opaque(Layer):
    """A layer of somebody who did not think of masks."""

    def check_input_shape(self, shape):
        pass

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, training, mask=None):
        return x

    def backward(self, dy):
        return dy


def test_a_layer_that_does_not_support_masking_loses_the_mask_with_a_warning():
    assert Opaque().compute_mask(x) is None
    with pytest.warns(UserWarning, match="layer 'opaque' does not support masking: what follows sees no mask"):
        assert Opaque().compute_mask(x, MASK) is None


def test_padding_hides_steps_that_are_no_numbers_and_their_gradient():
    inputs = x.astype(np.float32)
    inputs[~MASK] = np.nan
    inputs[0, 0] = np.nan, 1  # one feature alone is no masked step
    layer = Padding()
    y = layer(inputs, training=True)
    np.testing.assert_array_equal(layer.compute_mask(inputs), MASK)
    np.testing.assert_array_equal(y, np.where(MASK[:, :, None], inputs, 0))
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), np.where(MASK[:, :, None], np.ones_like(y), 0))
    before = np.arange(MASK.size).reshape(MASK.shape) % 3 > 0  # what a layer before says stays masked
    np.testing.assert_array_equal(layer.compute_mask(inputs, before), MASK & before)
    valid = np.ones_like(inputs)
    assert layer.compute_mask(valid) is None
    assert layer.compute_mask(valid, MASK) is MASK
    assert layer(valid, training=True) is valid
    np.testing.assert_array_equal(layer.backward(valid), valid)


def test_masking_hides_steps_and_their_gradient():
    inputs = x.copy()
    inputs[~MASK] = 7
    inputs[0, 0] = 7, 1  # one feature alone is no masked step
    layer = Masking(7)
    y = layer(inputs, training=True)
    np.testing.assert_array_equal(layer.compute_mask(inputs), MASK)
    np.testing.assert_array_equal(y, np.where(MASK[:, :, None], inputs, 0).astype(np.float32))
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), np.where(MASK[:, :, None], np.ones_like(y), 0))
    assert layer.output_shape((None, 4, 2)) == (None, 4, 2)


@pytest.mark.parametrize("layer", [SimpleRNN(2), Dense(2), Bidirectional(SimpleRNN(2)), TimeDistributed(Dense(2))])
@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (MASK.T, ValueError, r"^mask: expected shape \(batch, time\) = \(6, 5\), got shape \(5, 6\)"),
        (MASK[0], ValueError, r"^mask: expected shape \(batch, time\) = \(6, 5\), got shape \(5,\)"),
        (MASK.astype(int), TypeError, "^mask: expected dtype bool, got int64"),
    ],
)
def test_bad_masks_are_named(layer, mask, error, message):
    with pytest.raises(error, match=message):
        layer(x, mask=mask)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(2)(x[:, 0], mask=MASK), ValueError, r"mask: expected None for x of shape \(6, 2\)"),
        (lambda: Embedding(3, 2, mask_zero=1), TypeError, "mask_zero: expected a bool, got 1"),
        (lambda: SimpleRNN(2, zero_output_for_mask=0), TypeError, "zero_output_for_mask: expected a bool, got 0"),
        (lambda: Masking("0"), TypeError, "mask_value: expected a number, got '0'"),
        (lambda: Masking()(x[0]), ValueError, r"x: Masking expected \(batch, time, features\), got shape \(5, 2\)"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
