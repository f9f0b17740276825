import numpy as np
import pytest

from rnnfast import Sequential, constraints
from rnnfast.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.optimizers import SGD, Adam
from rnnfast.parameters import Parameter, RowGradient

w = np.random.default_rng(0).standard_normal((4, 3))
CASES = [
    (NonNeg(), lambda w: np.maximum(w, 0)),
    (MaxNorm(1.5), lambda w: w * np.minimum(1, 1.5 / norm(w))),
    (MaxNorm(1.5, axis=1), lambda w: w * np.minimum(1, 1.5 / norm(w, 1))),
    (UnitNorm(), lambda w: w / norm(w)),
    (UnitNorm(axis=(0, 1)), lambda w: w / norm(w, (0, 1))),
    (MinMaxNorm(1.4, 1.6), lambda w: w / norm(w) * np.clip(norm(w), 1.4, 1.6)),
    (MinMaxNorm(1.4, 1.6, rate=0.25), lambda w: w * (0.25 * np.clip(norm(w), 1.4, 1.6) / norm(w) + 0.75)),
]


def norm(w, axis=0):
    return np.sqrt((w**2).sum(axis=axis, keepdims=True))


@pytest.mark.parametrize(("constraint", "definition"), CASES)
def test_definition(constraint, definition):
    kept = w.copy()
    np.testing.assert_allclose(constraint(w), definition(w), rtol=2e-7)
    np.testing.assert_array_equal(w, kept)
    assert constraint(w.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(constraint(np.zeros((4, 3))), np.zeros((4, 3)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("constraint", [case[0] for case in CASES])
def test_result_is_that_of_keras(constraint, keras):
    fields = {NonNeg: (), MaxNorm: ("max_value", "axis"), UnitNorm: ("axis",)}.get(type(constraint), vars(constraint))
    options = {name: getattr(constraint, name) for name in fields}
    theirs = getattr(keras.constraints, type(constraint).__name__)(**options)
    single = w.astype(np.float32)
    np.testing.assert_allclose(constraint(single), np.asarray(theirs(single)), rtol=1e-6)


def test_the_axis_is_that_of_keras_whatever_lies_in_memory():
    """SimpleRNN keeps its weights transposed; axis 0 is still what goes into a unit."""
    model = Sequential(
        [
            Embedding(6, 5, embeddings_constraint=UnitNorm(axis=1)),
            SimpleRNN(4, kernel_constraint=MaxNorm(0.5), recurrent_constraint=UnitNorm(), bias_initializer="normal",
                      bias_constraint=NonNeg()),
            Dense(1, kernel_constraint="non_neg", bias_constraint=MinMaxNorm(0.2, 0.3)),
        ],
        seed=0,
        dtype="float64",
    )  # fmt: skip
    model.compile(SGD(0.5), "mse")
    model.train_on_batch(np.array([[0, 1, 2]]), np.ones(1))
    table, kernel, recurrent, bias, dense_kernel, dense_bias = model.get_weights()
    np.testing.assert_allclose(norm(table, 1), np.ones((6, 1)), rtol=1e-5)  # rows that no batch touched, too
    assert norm(kernel).max() <= 0.5
    assert norm(kernel).min() < 0.5 or norm(kernel, 1).max() > 0.5
    np.testing.assert_allclose(norm(recurrent), np.ones((1, 4)), rtol=1e-6)
    assert not np.allclose(norm(recurrent, 1), 1)
    assert bias.min() == 0 < bias.max()
    assert dense_kernel.min() >= 0
    assert 0.2 - 1e-6 <= abs(dense_bias[0]) <= 0.3 + 1e-6


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)])
def test_every_step_is_the_free_one_and_then_the_constraint(optimizer):
    free = Sequential([Dense(2, seed=1)], dtype="float64")
    bound = Sequential([Dense(2, seed=1, kernel_constraint=MaxNorm(0.3))], dtype="float64")
    free.compile(optimizer, "mse")
    bound.compile(type(optimizer)(0.1, momentum=0.9) if isinstance(optimizer, SGD) else Adam(0.1), "mse")
    x, y = np.random.default_rng(1).standard_normal((2, 5, 3)), np.ones((2, 5, 2))
    for batch in range(2):
        free.train_on_batch(x[batch], y[batch])
        bound.train_on_batch(x[batch], y[batch])
        kernel, bias = free.get_weights()
        free.set_weights([MaxNorm(0.3)(kernel), bias])
        for one, other in zip(free.get_weights(), bound.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_rows_that_no_batch_touches_move_with_their_momentum_before_they_are_constrained():
    start = np.random.default_rng(2).standard_normal((4, 2))
    constraint = MaxNorm(1.0)
    table = Parameter("table", start.copy(), sparse=True, constraint=constraint)
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.build([table])
    expected, velocity = start, np.zeros_like(start)
    for ids in ([0, 1], [2], [2], [0, 0]):
        table.gradient = RowGradient(np.array(ids), np.ones((len(ids), 2)))
        gradient = np.zeros_like(start)
        np.add.at(gradient, ids, 1.0)
        optimizer.step()
        velocity = 0.9 * velocity - 0.1 * gradient
        expected = constraint(expected + velocity)
        np.testing.assert_allclose(table.value, expected, rtol=1e-12)


def test_weights_begin_as_they_are_initialized():
    layer = Dense(2, kernel_constraint=NonNeg(), seed=0)
    layer(np.ones((1, 8)))
    assert layer.get_weights()[0].min() < 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MaxNorm(-1), ValueError, "max_value: expected .*at least 0, got -1"),
        (lambda: MaxNorm("2"), TypeError, "max_value: expected a number, got '2'"),
        (lambda: MinMaxNorm(2.0, 1.0), ValueError, "max_value: expected .*at least 2, got 1"),
        (lambda: MinMaxNorm(min_value=-1), ValueError, "min_value: expected .*got -1"),
        (lambda: MinMaxNorm(rate=1.5), ValueError, "rate: expected .*at most 1, got 1.5"),
        (lambda: UnitNorm(axis=0.5), TypeError, "axis: expected an integer or a tuple of integers, got 0.5"),
        (lambda: UnitNorm(axis=["0"]), TypeError, r"axis: expected an integer or a tuple of integers, got \('0',\)"),
        (
            lambda: Dense(2, kernel_constraint=UnitNorm(axis=2))(np.ones((1, 3))),
            ValueError,
            r"axis: expected one of kernel of shape \(3, 2\), got 2",
        ),
        (
            lambda: Dense(2, bias_constraint=MaxNorm(axis=1))(np.ones((1, 3))),
            ValueError,
            r"axis: expected one of bias of shape \(2,\), got 1",
        ),
        (lambda: constraints.get("x", "norm"), ValueError, "x: expected one of max_norm, .*got 'norm'"),
        (lambda: Dense(1, kernel_constraint=NonNeg), TypeError, "kernel_constraint: expected a name or a Constraint"),
        (lambda: SimpleRNN(1, recurrent_constraint="unit"), ValueError, "recurrent_constraint: .*got 'unit'"),
        (lambda: SimpleRNN(1, bias_constraint=1), TypeError, "bias_constraint: expected a name .*got 1"),
        (lambda: Embedding(2, 2, embeddings_constraint=0), TypeError, "embeddings_constraint: expected a name .*got 0"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
