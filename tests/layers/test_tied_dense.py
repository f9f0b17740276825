from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.constraints import UnitNorm
from rnnfast.initializers import RandomUniform
from rnnfast.layers import Dense, Embedding, SimpleRNN, TiedDense
from rnnfast.losses import SparseCategoricalCrossentropy
from rnnfast.optimizers import SGD, Adam, RMSprop
from rnnfast.regularizers import L1L2

rng = np.random.default_rng(0)
ids = rng.integers(0, 7, (4, 6))  # of a vocabulary of 9, so that some rows have a gradient as outputs alone
targets = rng.integers(0, 9, (4, 6))
TABLE, BIAS = 0, -1


def model(optimizer=None, *, dtype="float64", head=None, **table_options) -> Sequential:
    made = Sequential(
        [
            Embedding(9, 5, RandomUniform(-1, 1), **table_options),
            SimpleRNN(5, return_sequences=True),
            head or TiedDense(bias_initializer=RandomUniform(-1, 1)),
        ],
        seed=0,
        dtype=dtype,
    )
    made.compile(optimizer or SGD(0.0), SparseCategoricalCrossentropy(from_logits=True))
    return made


def test_the_output_is_that_of_a_dense_with_the_table() -> None:
    tied, plain = model(), model(head=Dense(9))
    tied.build()
    plain.build()
    *below, bias = tied.get_weights()
    plain.set_weights([*below, below[TABLE].T, bias])
    np.testing.assert_allclose(tied.predict(ids), plain.predict(ids), rtol=1e-12)
    assert tied.predict(ids).shape == (4, 6, 9)
    assert tied.count_params() == plain.count_params() - 9 * 5


@pytest.mark.parametrize("penalties", [False, True])
def test_the_gradient_is_the_sum_of_both_uses(penalties: bool, numeric_gradient) -> None:
    tied = model()
    if penalties:
        head = TiedDense(
            bias_initializer=RandomUniform(-1, 1), bias_regularizer=L1L2(0.1, 0.2), activity_regularizer="l2"
        )
        tied = model(head=head, embeddings_regularizer="l2", activity_regularizer="l1")
    tied.train_on_batch(ids, targets)
    parameters = [parameter for layer in tied.layers for parameter in layer.parameters]
    assert [parameter.name for parameter in parameters].count("embeddings") == 1
    for parameter in parameters:
        expected = numeric_gradient(lambda: tied.test_on_batch(ids, targets), parameter.value)
        np.testing.assert_allclose(parameter.gradient, expected, atol=1e-8)
    assert np.abs(parameters[TABLE].gradient).min(axis=1).all()  # every row, also of words that are no input


@pytest.mark.parametrize("activation", ["softmax", "tanh"])
def test_with_an_activation(activation: str, numeric_gradient) -> None:
    tied = model(head=TiedDense(activation, use_bias=False))
    tied.compile(SGD(0.0), "mse" if activation == "tanh" else "sparse_categorical_crossentropy")
    y = np.eye(9)[targets] if activation == "tanh" else targets
    tied.train_on_batch(ids, y)
    table = tied.layers[0].parameters[0]
    expected = numeric_gradient(lambda: tied.test_on_batch(ids, y), table.value)
    np.testing.assert_allclose(table.gradient, expected, atol=1e-8)


@pytest.mark.parametrize("optimizer", [SGD(0.5, momentum=0.5), RMSprop(0.01, momentum=0.5), Adam(0.01)])
def test_it_learns(optimizer) -> None:
    tied = model(optimizer, dtype="float32")
    before = tied.evaluate(ids, (ids + 1) % 9)
    for _ in range(100):
        tied.train_on_batch(ids, (ids + 1) % 9)
    assert tied.evaluate(ids, (ids + 1) % 9) < before / 4


@pytest.mark.parametrize("optimizer", [SGD(0.5), RMSprop(0.1), Adam(0.1)])
def test_constraints(optimizer) -> None:
    head = TiedDense(bias_initializer=RandomUniform(-1, 1), bias_constraint="non_neg")
    tied = model(optimizer, head=head, embeddings_constraint=UnitNorm(axis=1))
    tied.train_on_batch(ids, targets)
    weights = tied.get_weights()
    np.testing.assert_allclose(np.linalg.norm(weights[TABLE], axis=1), 1, rtol=1e-6)
    assert weights[BIAS].min() == 0 < weights[BIAS].max()


WRONG = {
    "nothing before it": lambda: Sequential([TiedDense()]),
    "no Embedding": lambda: Sequential([SimpleRNN(5, input_shape=(None, 5)), TiedDense()]),
    "a second one": lambda: Sequential([Embedding(9, 9), TiedDense(), TiedDense()]),
    "another length": lambda: Sequential([Embedding(9, 5), SimpleRNN(4), TiedDense()]),
    "outside a model": lambda: TiedDense()(np.zeros((2, 5))),
}
EXPECTED = {
    "nothing before it": "begins with an Embedding",
    "no Embedding": "begins with an Embedding",
    "a second one": "one TiedDense",
    "another length": r"expected 5 features, as 'embedding' has them, got \(None, 4\)",
    "outside a model": "expected to be in a Sequential",
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    with pytest.raises(ValueError, match=EXPECTED[name]):
        WRONG[name]()
