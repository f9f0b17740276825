"""SimpleRNN with block-diagonal and diagonal recurrent weights."""

import numpy as np
import pytest
from scipy.linalg import block_diag

import rnnfast
from rnnfast import Sequential
from rnnfast.constraints import MaxNorm
from rnnfast.initializers import Constant
from rnnfast.layers import Bidirectional, Dense, Embedding, SimpleRNN
from rnnfast.optimizers import SGD
from rnnfast.random_masks import MaskGenerator

UNITS = 8
SHAPES = {1: (8, 8), 2: (2, 4, 4), 4: (4, 2, 2), 8: (8,)}
OPTIONS = [
    {},
    {"return_sequences": True, "go_backwards": True},
    {"recurrent_dropout": 0.4, "dropout": 0.2, "return_sequences": True},
    {"stateful": True, "activation": "relu", "clip": 0.9},
]


def layer_and_input(heads, **options):
    """A float64 layer with random weights and bias, and an input."""
    layer = SimpleRNN(UNITS, heads=heads, dtype="float64", seed=1, bias_initializer="normal", **options)
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    layer(x)
    layer.reset_states()
    return layer, x


def matrix_of(recurrent):
    """The matrix (units, units) in Keras's orientation."""
    if recurrent.ndim == 1:
        return np.diag(recurrent)
    return recurrent if recurrent.ndim == 2 else block_diag(*recurrent)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("heads", SHAPES)
def test_it_is_the_dense_layer_with_these_blocks(heads, options):
    layer, x = layer_and_input(heads, **options)
    dense, _ = layer_and_input(1, **options)
    kernel, recurrent, bias = layer.get_weights()
    dense.set_weights([kernel, matrix_of(recurrent), bias])
    outputs = []
    for one in (layer, dense):
        one.masks = MaskGenerator(np.random.SeedSequence(4))  # the same for both
        outputs.append(one(x, training=True))
    np.testing.assert_allclose(*outputs, rtol=1e-12)
    dy = np.random.default_rng(3).standard_normal(outputs[0].shape)
    np.testing.assert_allclose(layer.backward(dy), dense.backward(dy), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("heads", SHAPES)
def test_gradients(heads, options, numeric_gradient):
    layer, x = layer_and_input(heads, **options)
    weight = np.random.default_rng(3).standard_normal((3, 4, UNITS) if layer.return_sequences else (3, UNITS))
    state = np.random.default_rng(2).standard_normal((3, UNITS)) if layer.stateful else None

    def loss():
        layer.state = state
        layer.masks = MaskGenerator(np.random.SeedSequence(4))  # the same every time
        return float((layer.forward(x, training=True) * weight).sum())

    loss()
    np.testing.assert_allclose(layer.backward(weight), numeric_gradient(loss, x), atol=1e-7)
    for parameter in layer.parameters:
        assert parameter.gradient.shape == parameter.value.shape
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


@pytest.mark.parametrize("heads", SHAPES)
def test_shapes(heads):
    layer, _ = layer_and_input(heads)
    assert [array.shape for array in layer.get_weights()] == [(2, 8), SHAPES[heads], (8,)]
    assert layer.count_params() == 2 * 8 + 64 // heads + 8
    new = [np.random.default_rng(5).standard_normal(array.shape) for array in layer.get_weights()]
    layer.set_weights(new)
    for array, expected in zip(layer.get_weights(), new, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_one_unit_is_dense():
    layer = SimpleRNN(1, heads=1)
    layer(np.zeros((1, 2, 3), np.float32))
    assert layer.get_weights()[1].shape == (1, 1)


def test_each_head_begins_orthogonal():
    _, recurrent, _ = layer_and_input(2)[0].get_weights()
    for block in recurrent:
        np.testing.assert_allclose(block @ block.T, np.eye(4), atol=1e-12)
    assert np.abs(recurrent[0] - recurrent[1]).max() > 0.1


def test_a_diagonal_begins_uniform_between_0_and_1():
    layer = SimpleRNN(1000, heads=1000, seed=0)
    layer(np.zeros((1, 2, 3), np.float32))
    recurrent = layer.get_weights()[1]
    assert recurrent.min() >= 0
    assert recurrent.max() < 1
    assert abs(recurrent.mean() - 0.5) < 5 / np.sqrt(12 * 1000)
    assert recurrent.std() == pytest.approx(1 / np.sqrt(12), rel=0.05)
    other = SimpleRNN(8, heads=8, recurrent_initializer=Constant(0.25), seed=0)
    other(np.zeros((1, 2, 3), np.float32))
    np.testing.assert_array_equal(other.get_weights()[1], np.full(8, 0.25))


def data(steps=4):
    rng = np.random.default_rng(6)
    return rng.standard_normal((12, steps, 2)).astype(np.float32), rng.standard_normal((12, 1)).astype(np.float32)


@pytest.mark.parametrize(("heads", "bound", "axis"), [(2, 0.9, 1), (8, 0.4, ())])
def test_constraints_see_blocks_and_diagonals(heads, bound, axis):
    rnn = SimpleRNN(UNITS, heads=heads, recurrent_constraint=MaxNorm(bound, axis=axis))
    model = Sequential([rnn, Dense(1)], seed=0)
    model.compile(SGD(0.1), "mse")
    model.fit(*data(), epochs=2, verbose=0)
    columns = matrix_of(rnn.get_weights()[1])
    norms = np.linalg.norm(columns, axis=0)
    assert norms.max() <= bound * (1 + 1e-6)
    assert norms.max() > 0.9 * bound


@pytest.mark.parametrize("regularizer", ["l2", "orthogonal_regularizer"])
def test_regularizers_see_blocks(regularizer):
    rnn = SimpleRNN(UNITS, heads=2, recurrent_regularizer=regularizer, recurrent_initializer="glorot_uniform")
    model = Sequential([rnn, Dense(1)], seed=0)
    model.compile(SGD(0.0), "mse")
    x, y = data()
    loss = model.fit(x, y, batch_size=12, verbose=0).history["loss"][0]
    penalty = sum(rnn.recurrent_regularizer.penalty(block) for block in rnn.get_weights()[1])
    assert penalty > 1e-4
    assert loss == pytest.approx(np.mean((model.predict(x) - y) ** 2) + penalty, rel=1e-5)


@pytest.mark.parametrize("heads", SHAPES)
def test_saved_and_loaded(heads, tmp_path):
    pytest.importorskip("safetensors")
    x, y = data()
    model = Sequential([SimpleRNN(UNITS, heads=heads, activation="relu"), Dense(1)], seed=0)
    model.compile("adam", "mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.safetensors")
    loaded = rnnfast.load_model(tmp_path / "model.safetensors")
    assert loaded.layers[0].heads == heads
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    for one in (model, loaded):
        one.fit(x, y, epochs=2, initial_epoch=1, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_in_both_directions():
    layer = Bidirectional(SimpleRNN(UNITS, heads=4), seed=0)
    assert layer(data()[0]).shape == (12, 2 * UNITS)
    assert layer.backward_layer.heads == 4


def test_inference_from_ids_has_the_heads_too():
    ids = np.random.default_rng(7).integers(0, 5, (40, 6))
    model = Sequential([Embedding(5, 3), SimpleRNN(UNITS, heads=2)], seed=0)
    np.testing.assert_allclose(model.predict(ids), model.layers[1](model.layers[0](ids)), rtol=1e-5)


@pytest.mark.parametrize(
    ("heads", "error", "message"),
    [
        (3, ValueError, "heads: expected a divisor of units = 8, got 3"),
        (16, ValueError, "heads: expected a divisor of units = 8, got 16"),
        (0, ValueError, "heads: expected at least 1, got 0"),
        (True, TypeError, "heads: expected an integer, got True"),
        (2.0, TypeError, "heads: expected an integer, got 2.0"),
    ],
)
def test_bad_heads(heads, error, message):
    with pytest.raises(error, match=f"^{message}"):
        SimpleRNN(8, heads=heads)
