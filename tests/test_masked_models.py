"""Masks through a model: what reaches the loss and the metrics, in training and evaluation."""

from __future__ import annotations

import numpy as np
import pytest

import rnnfast
from rnnfast import Sequential, losses
from rnnfast.layers import Dense, Dropout, Embedding, Masking, SimpleRNN, TimeDistributed
from rnnfast.optimizers import SGD

WORDS, SAMPLES, STEPS = 12, 10, 7


def ids() -> np.ndarray:
    """Sequences padded before, behind, with holes, whole, and one that is all padding."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, WORDS, (SAMPLES, STEPS))
    for row, length in enumerate(rng.integers(1, STEPS + 1, SAMPLES)):
        x[row, length:] = 0
    x[::3] = x[::3, ::-1]
    x[1], x[4, 2], x[5] = 0, 0, rng.integers(1, WORDS, STEPS)
    return x


def labels(classes: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, classes, (SAMPLES, STEPS))


X = ids()
VALID = X != 0


def test_padding_changes_nothing():
    """Each sequence by itself without its padding, and all of them padded: the same outputs."""
    model = Sequential([Embedding(WORDS, 4, mask_zero=True), Dropout(0.2), SimpleRNN(5), Dense(1)], seed=0)
    y = model.predict_on_batch(X)
    for sequence, expected in zip(X, y, strict=True):
        if sequence.any():
            np.testing.assert_allclose(model.predict_on_batch(sequence[sequence != 0][None])[0], expected, atol=1e-6)


LOSSES = {
    "binary_crossentropy": (lambda: Dense(1, "sigmoid"), 2),
    "mse": (lambda: TimeDistributed(Dense(1)), 2),
    "sparse_categorical_crossentropy": (lambda: Dense(4, "softmax"), 4),
}


def sequence_model(loss: str, **options) -> Sequential:
    rnn = SimpleRNN(5, return_sequences=True)
    return Sequential([Embedding(WORDS, 4, mask_zero=True), rnn, LOSSES[loss][0]()], seed=3, **options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_a_mean_over_valid_steps(loss, weighted):
    model, y = sequence_model(loss, dtype="float64"), labels(LOSSES[loss][1])
    weights = np.random.default_rng(2).random(X.shape) if weighted else None
    model.compile("sgd", loss)
    p = model.predict_on_batch(X)
    terms = {
        "binary_crossentropy": lambda: -np.log(np.where(y == 1, p[..., 0], 1 - p[..., 0])),
        "mse": lambda: (p[..., 0] - y) ** 2,
        "sparse_categorical_crossentropy": lambda: -np.log(np.take_along_axis(p, y[..., None], -1)[..., 0]),
    }[loss]()
    expected = ((terms if weights is None else weights * terms) * VALID).sum() / VALID.sum()
    assert model.test_on_batch(X, y, sample_weight=weights) == pytest.approx(expected, rel=1e-10)
    summed = losses.MeanSquaredError(steps="sum")
    model.compile("sgd", summed)
    if loss == "mse":
        assert model.test_on_batch(X, y) == pytest.approx((terms * VALID).sum() / SAMPLES, rel=1e-10)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_the_loss(loss, numeric_gradient):
    model, y = sequence_model(loss, dtype="float64"), labels(LOSSES[loss][1])
    model.compile(SGD(1.0), loss)
    data = model.data(X, y)
    before = model.get_weights()
    parameters = [parameter for layer in model.layers[1:] for parameter in layer.parameters]
    expected = [
        numeric_gradient(lambda: float(model.test_step(data)[0][0]) / SAMPLES, parameter.value)
        for parameter in parameters
    ]
    model.train_on_batch(X, y)
    for parameter, gradient in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(parameter.gradient, gradient, atol=1e-8)
    model.set_weights(before)


def test_what_masked_steps_hold_is_of_no_account():
    """Other targets and weights there: the same loss, metrics and steps."""
    results = []
    for filling in (0, 1):
        model, y = sequence_model("binary_crossentropy"), labels(2)
        y[~VALID] = filling
        model.compile("sgd", "binary_crossentropy", ["accuracy", "precision", "recall", "auc"], ["accuracy", "auc"])
        weights = np.where(VALID, 0.5, filling)
        values = model.train_on_batch(X, y, sample_weight=weights)
        results.append([*values, *model.evaluate(X, y, sample_weight=weights), *map(np.sum, model.get_weights())])
    np.testing.assert_array_equal(*results)


def test_metrics_count_valid_steps():
    model, y = sequence_model("sparse_categorical_crossentropy"), labels(4)
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy", "perplexity"])
    hits, p = model.predict(X).argmax(-1) == y, np.take_along_axis(model.predict(X), y[..., None], -1)[..., 0]
    for batch_size in (3, 100):  # of all samples, however they are cut into batches
        _, accuracy, perplexity = model.evaluate(X, y, batch_size=batch_size)
        assert accuracy == pytest.approx(hits[VALID].mean())
        assert perplexity == pytest.approx(np.exp(-np.log(p[VALID]).mean()), rel=1e-5)


def test_a_batch_without_valid_steps():
    model = sequence_model("sparse_categorical_crossentropy")
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    before = model.build() or model.get_weights()
    assert model.train_on_batch(np.zeros_like(X), labels(4)) == [0, 0]
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mask_survives_a_file(tmp_path):
    rnn = SimpleRNN(5, return_sequences=True, zero_output_for_mask=True, bptt_steps=3)
    model = Sequential([Masking(7, input_shape=(None, 2)), rnn])
    model.build()
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.safetensors")
    loaded = rnnfast.load_model(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).standard_normal((3, 4, 2)).astype(np.float32)
    x[1:, 2:] = 7
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert not loaded.predict(x)[1:, 2:].any()
    assert loaded.layers[1].bptt_steps == 3


MODELS = {
    "zero outputs, TimeDistributed": lambda layers: [
        layers.Embedding(WORDS, 4, mask_zero=True),
        layers.SimpleRNN(5, return_sequences=True, zero_output_for_mask=True),
        layers.TimeDistributed(layers.Dense(4, activation="softmax")),
    ],
    "both directions": lambda layers: [
        layers.Embedding(WORDS, 4, mask_zero=True),
        layers.Bidirectional(layers.SimpleRNN(5, return_sequences=True)),
        layers.SimpleRNN(5, return_sequences=True),
        layers.Dense(4, activation="softmax"),
    ],
    "backwards": lambda layers: [
        layers.Embedding(WORDS, 4, mask_zero=True),
        layers.SimpleRNN(5, return_sequences=True, go_backwards=True),
        layers.Dense(4, activation="softmax"),
    ],
}


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_training_is_that_of_keras(name, keras):
    """The loss in training; loss and metrics in evaluation, where Keras's metrics have the mask on JAX, too."""
    import rnnfast.layers

    theirs = keras.Sequential([keras.Input((STEPS,), dtype="int32"), *MODELS[name](keras.layers)])
    ours = Sequential(MODELS[name](rnnfast.layers))
    ours.build()
    ours.set_weights(theirs.get_weights())
    y = labels(4)
    weights = np.random.default_rng(4).random(y.shape).astype(np.float32)
    for model, sgd in ((theirs, keras.optimizers.SGD(0.5)), (ours, SGD(0.5))):
        loss, accuracy = "sparse_categorical_crossentropy", "sparse_categorical_accuracy"
        model.compile(sgd, loss, metrics=["accuracy"], weighted_metrics=[accuracy])
    for part in (slice(5), slice(5, 10), slice(5)):
        batch = {"x": X[part], "y": y[part], "sample_weight": weights[part], "return_dict": True}
        assert ours.train_on_batch(**batch)["loss"] == pytest.approx(theirs.train_on_batch(**batch)["loss"], rel=1e-4)
        theirs.reset_metrics()
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    expected, got = theirs.test_on_batch(**batch), ours.test_on_batch(**batch)
    assert set(got) == set(expected)
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, rel=1e-4), key


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_masked_values_are_those_of_keras(keras):
    layers = [[kind.Masking(-1.0), kind.SimpleRNN(5), kind.Dense(1)] for kind in (keras.layers, rnnfast.layers)]
    theirs, ours = keras.Sequential(layers[0]), Sequential(layers[1])
    x = np.random.default_rng(5).standard_normal((SAMPLES, STEPS, 3)).astype(np.float32)
    x[~VALID] = -1
    expected = theirs(x)
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours.predict(x), np.asarray(expected), rtol=1e-4, atol=1e-6)
