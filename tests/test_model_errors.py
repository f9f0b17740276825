"""Bad input to models is named, and changes nothing."""

import numpy as np
import pytest
from small_models import ids, labels, language_model, sentiment

from rnnfast import Sequential
from rnnfast.layers import Dense, Embedding, SimpleRNN


def compiled(*layers, loss="mse", **options):
    model = Sequential(layers or [Dense(1)], **options)
    model.compile("sgd", loss)
    return model


shared = Dense(1)
x3, y3 = np.ones((3, 2)), np.ones(3)

BAD = [
    (lambda: Sequential([3]), TypeError, "layer: expected a Layer, got 3"),
    (lambda: Sequential([shared, shared]), ValueError, "layer: expected one that is not in the model yet, got 'dense'"),
    (lambda: Sequential([Dense(1, name="a"), Dense(1, name="a")]), ValueError, "name: expected one .*got 'a'"),
    (lambda: Sequential([Dense(1), Embedding(3, 2)]), ValueError, "layer: Embedding 'embedding' takes integers"),
    (
        lambda: Sequential([Dense(1, dtype="float64")]),
        ValueError,
        "dtype: expected the model's float32 in layer 'dense'",
    ),
    (
        lambda: Sequential([Embedding(3, 2), SimpleRNN(2), SimpleRNN(2)]),
        ValueError,
        r"x: SimpleRNN expected \(batch, time, features\), got shape \(None, 2\)",
    ),
    (lambda: Sequential(backend="gpu"), ValueError, "backend: expected one of auto.*got 'gpu'"),
    (lambda: Sequential(dtype="int8"), ValueError, "dtype: expected one of float32, float64, got 'int8'"),
    (lambda: Sequential(seed=-3), ValueError, "seed: expected at least 0, got -3"),
    (lambda: Sequential().summary(), ValueError, "layers: expected at least one, got none"),
    (lambda: Sequential().compile("sgd", "mse"), ValueError, "layers: expected at least one before compile"),
    (lambda: Sequential([Dense(1)]).summary(), ValueError, "input_shape: expected a shape"),
    (lambda: Sequential([Dense(1)]).compile("sgd"), ValueError, "loss: expected one of .*got None"),
    (lambda: Sequential([Dense(1)]).compile("sdg", "mse"), ValueError, "optimizer: expected one of .*got 'sdg'"),
    (lambda: Sequential([Dense(1)]).fit(x3, y3), RuntimeError, "not compiled"),
    (lambda: Sequential([Dense(1)]).save_weights("x"), ValueError, "no weights"),
    (lambda: Sequential([Dense(1)]).compile("sgd", "mse", ["accuracy"]), ValueError, "metrics: 'accuracy' does not go"),
    (lambda: Sequential([Dense(1)]).compile("sgd", "mse", "mse"), TypeError, "metrics: expected a list"),
    (lambda: Sequential([Dense(1)]).compile("sgd", "mse", ["mae"]), ValueError, "metrics: expected one of .*got 'mae'"),
    (
        lambda: Sequential([Dense(1)]).compile("sgd", "mse", ["mse"] * 2),
        ValueError,
        "metrics: expected names that differ",
    ),
    (lambda: compiled().fit(x3, y3[:2]), ValueError, r"y: expected shape \(3, 1\) or \(3,\), got \(2,\)"),
    (lambda: compiled().fit(x3[:0], y3[:0]), ValueError, "x: expected at least 1 along every axis"),
    (lambda: compiled().fit(x3, y3, batch_size=0), ValueError, "batch_size: expected at least 1, got 0"),
    (lambda: compiled().fit(x3, y3, batch_size=1.5), TypeError, "batch_size: expected an integer"),
    (lambda: compiled().fit(x3, y3, epochs=0), ValueError, "epochs: expected at least 1, got 0"),
    (lambda: compiled().fit(x3, y3, initial_epoch=-1), ValueError, "initial_epoch: expected .*got -1"),
    (lambda: compiled().fit(x3, y3, shuffle="batch"), TypeError, "shuffle: expected a bool, got 'batch'"),
    (lambda: compiled().fit(x3, y3, validation_split=1), ValueError, "validation_split: expected .*less than 1, got 1"),
    (
        lambda: compiled().fit(x3, y3, validation_split=0.9),
        ValueError,
        "validation_split: expected samples on both sides",
    ),
    (lambda: compiled().fit(x3, y3, validation_data=x3), TypeError, "validation_data: expected arrays x .*got ndarray"),
    (
        lambda: compiled().fit(x3, y3, validation_data=(x3, y3), validation_split=0.5),
        ValueError,
        "validation_split: expected 0 with validation_data, got 0.5",
    ),
    (lambda: compiled().fit(x3, y3, validation_data=(x3, y3[:1])), ValueError, r"y: expected shape .*got \(1,\)"),
    (lambda: compiled().evaluate(x3, y3, batch_size=-1), ValueError, "batch_size: expected at least 1, got -1"),
    (lambda: compiled().predict(x3, batch_size=True), TypeError, "batch_size: expected an integer, got True"),
    (lambda: compiled().predict([["a"]]), TypeError, "x: expected real numbers, got dtype <U1"),
    (
        lambda: language_model().fit(ids[:, :-1] % 11, ids[:, 1:] % 11, batch_size=20),
        ValueError,
        "batch_size: stateful 'simple_rnn' expected one that divides the 50 samples, got 20",
    ),
    (lambda: sentiment().fit(ids + 1, labels), ValueError, r"x: Embedding expected integers in 0\.\.29, got 30"),
    (lambda: sentiment().fit(ids, labels + 1), ValueError, r"y: expected values in 0\.\.1, got values in 1\.0\.\.2\.0"),
    (lambda: sentiment().set_weights([]), ValueError, "weights: expected 6 arrays, got 0"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_bad_input_changes_nothing():
    """An id out of range in the last batch is found before the first is trained on."""
    model = sentiment()
    model.fit(ids, labels)
    before, iterations = model.get_weights(), model.optimizer.iterations
    bad = ids.copy()
    bad[-1, -1] = 30
    with pytest.raises(ValueError, match="got 30"):
        model.fit(bad, labels, batch_size=1)
    assert model.optimizer.iterations == iterations
    for first, second in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(first, second)
    weights = [*before[:-1], np.zeros(3)]
    with pytest.raises(ValueError, match="dense/bias"):
        model.set_weights([array + 1 for array in weights])
    for first, second in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(first, second)
