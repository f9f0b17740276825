import itertools

import numpy as np
import pytest

from rnnfast import Sequential, regularizers
from rnnfast.layers import ActivityRegularization, Dense, Embedding, SimpleRNN
from rnnfast.optimizers import SGD
from rnnfast.regularizers import L1, L1L2, L2, OrthogonalRegularizer

rng = np.random.default_rng(0)
KINDS = [
    L1(0.3),
    L2(0.3),
    L1L2(0.2, 0.5),
    OrthogonalRegularizer(0.7),
    OrthogonalRegularizer(0.7, mode="columns"),
]


def angles(w, factor, mode):
    rows = w if mode == "rows" else w.T
    pairs = list(itertools.combinations(rows, 2))
    return factor * np.mean([abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs])


def by_definition(regularizer, w):
    if isinstance(regularizer, OrthogonalRegularizer):
        return angles(w, regularizer.factor, regularizer.mode)
    return regularizer.l1 * np.abs(w).sum() + regularizer.l2 * (w**2).sum()


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 2)])
@pytest.mark.parametrize("regularizer", KINDS, ids=repr)
def test_penalty_and_gradient(regularizer, shape, numeric_gradient):
    w = np.random.default_rng(1).standard_normal(shape)
    assert regularizer.penalty(w) == pytest.approx(by_definition(regularizer, w), rel=1e-12)
    expected = numeric_gradient(lambda: regularizer.penalty(w), w)
    np.testing.assert_allclose(regularizer.gradient(w), expected, atol=1e-8)
    assert regularizer.gradient(w.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("regularizer", KINDS, ids=repr)
def test_of_several_matrices_the_penalties_are_added_up(regularizer):
    w = np.random.default_rng(1).standard_normal((5, 4, 4))
    assert regularizer.penalty(w) == pytest.approx(sum(regularizer.penalty(matrix) for matrix in w), rel=1e-12)
    expected = np.stack([regularizer.gradient(matrix) for matrix in w])
    np.testing.assert_allclose(regularizer.gradient(w), expected, rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("regularizer", KINDS, ids=repr)
def test_penalty_is_that_of_keras(regularizer, keras):
    if isinstance(regularizer, OrthogonalRegularizer):
        theirs = keras.regularizers.OrthogonalRegularizer(regularizer.factor, regularizer.mode)
    else:
        theirs = keras.regularizers.L1L2(regularizer.l1, regularizer.l2)
    w = rng.standard_normal((4, 3)).astype(np.float32)
    assert regularizer.penalty(w) == pytest.approx(float(theirs(keras.ops.convert_to_tensor(w))), rel=1e-5)


def test_where_a_norm_is_0_or_a_row_is_alone():
    regularizer = OrthogonalRegularizer(1.0)
    assert regularizer.penalty(np.ones((1, 4))) == 0
    np.testing.assert_array_equal(regularizer.gradient(np.ones((1, 4))), np.zeros((1, 4)))
    w = np.array([[0.0, 0.0], [1.0, 2.0]])
    assert regularizer.penalty(w) == 0
    assert np.isfinite(regularizer.gradient(w)).all()
    assert L1(1.0).gradient(np.zeros(3)).tolist() == [0, 0, 0]


ids = rng.integers(0, 7, (5, 4))
labels = rng.integers(0, 2, 5)
MODELS = {
    "L1 and L2 on every weight": lambda: [
        Embedding(7, 3, "normal", embeddings_regularizer=L1L2(0.01, 0.2)),
        SimpleRNN(4, kernel_regularizer=L2(0.3), recurrent_regularizer=L1(0.2), bias_initializer="normal",
                  bias_regularizer=L1L2(0.1, 0.2)),
        Dense(1, "sigmoid", kernel_regularizer="l2", bias_initializer="normal", bias_regularizer="l1"),
    ],
    "orthogonal, on weights that lie transposed": lambda: [
        Embedding(7, 3, "normal", embeddings_regularizer=OrthogonalRegularizer(0.3, mode="columns")),
        SimpleRNN(4, kernel_regularizer=OrthogonalRegularizer(2.0), kernel_initializer="normal",
                  recurrent_regularizer=OrthogonalRegularizer(1.0, mode="columns"), recurrent_initializer="normal"),
        Dense(1, "sigmoid"),
    ],
    "on outputs": lambda: [
        Embedding(7, 3, "normal", activity_regularizer=L2(0.5)),
        SimpleRNN(4, return_sequences=True, activity_regularizer=L1L2(0.1, 0.3)),
        SimpleRNN(3, activity_regularizer="l2"),
        ActivityRegularization(l1=0.02, l2=0.1),
        Dense(1, "sigmoid", activity_regularizer=L2(0.7)),
    ],
}  # fmt: skip


def compiled(case):
    model = Sequential(MODELS[case](), seed=1, dtype="float64")
    model.compile(SGD(0.0), "binary_crossentropy", ["mse"])
    model.build()
    return model


def outputs(model, x):
    """What each layer returns."""
    for layer in model.layers:
        x = layer(x)
        yield layer, x


@pytest.mark.parametrize("case", MODELS)
def test_the_loss_is_the_objective_and_the_penalties(case):
    model = compiled(case)
    p = model.predict(ids)[:, 0]
    expected = -np.mean(np.log(np.where(labels, p, 1 - p)))
    for layer, y in outputs(model, ids):
        if layer.activity_regularizer is not None:
            expected += by_definition(layer.activity_regularizer, y) / len(ids)
        for parameter, value in zip(layer.parameters, layer.get_weights(), strict=True):
            if parameter.regularizer is not None:
                expected += by_definition(parameter.regularizer, value)
    assert model.evaluate(ids, labels)[0] == pytest.approx(expected, rel=1e-9)
    assert model.train_on_batch(ids, labels)[0] == pytest.approx(expected, rel=1e-9)
    assert model.evaluate(ids, labels)[1] == pytest.approx(np.mean((p - labels) ** 2))


@pytest.mark.parametrize("case", MODELS)
def test_gradients_of_the_whole_loss(case, numeric_gradient):
    model = compiled(case)
    model.train_on_batch(ids, labels)
    for layer in model.layers:
        for parameter in layer.parameters:
            gradient = parameter.gradient
            if isinstance(gradient, tuple):
                dense = np.zeros_like(parameter.value)
                np.add.at(dense, *gradient)
                gradient = dense
            expected = numeric_gradient(lambda: model.test_on_batch(ids, labels)[0], parameter.value)
            np.testing.assert_allclose(gradient, expected, atol=2e-8)


def test_a_table_with_a_penalty_shrinks_in_rows_that_no_batch_touches():
    model = Sequential([Embedding(7, 3, embeddings_regularizer=L2(0.5)), SimpleRNN(2), Dense(1)], dtype="float64")
    model.compile(SGD(0.1, momentum=0.5), "mse")
    model.build()
    before = model.get_weights()[0]
    for _ in range(2):
        model.train_on_batch(np.full((2, 3), 4), np.zeros(2))
    # m1 = -0.1 w, w1 = 0.9 w; m2 = -0.05 w - 0.09 w, w2 = 0.76 w
    np.testing.assert_allclose(np.delete(model.get_weights()[0], 4, axis=0), 0.76 * np.delete(before, 4, axis=0))


def test_a_layer_that_is_not_trained_adds_no_penalty():
    model = Sequential([Dense(2, kernel_regularizer=L2(5.0)), Dense(1)], seed=0)
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    x = np.ones((3, 2))
    assert model.evaluate(x, np.zeros(3)) == pytest.approx(np.mean(model.predict(x) ** 2))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: L1(-1), ValueError, "l1: expected .*at least 0, got -1"),
        (lambda: L2("1"), TypeError, "l2: expected a number, got '1'"),
        (lambda: L1L2(l2=np.inf), ValueError, "l2: expected a finite number.*got inf"),
        (lambda: OrthogonalRegularizer(-0.1), ValueError, "factor: expected .*got -0.1"),
        (lambda: OrthogonalRegularizer(mode="row"), ValueError, "mode: expected one of rows, columns, got 'row'"),
        (
            lambda: OrthogonalRegularizer().penalty(np.ones(3)),
            ValueError,
            r"w: expected two or three axes .*got shape \(3,\)",
        ),
        (lambda: regularizers.get("x", "l3"), ValueError, "x: expected one of l1, .*got 'l3'"),
        (lambda: Dense(1, kernel_regularizer="L2"), ValueError, "kernel_regularizer: expected one of .*got 'L2'"),
        (
            lambda: Dense(1, bias_regularizer=0.1),
            TypeError,
            "bias_regularizer: expected a name or a Regularizer, got 0",
        ),
        (lambda: SimpleRNN(1, recurrent_regularizer=L1), TypeError, "recurrent_regularizer: expected a name or a Reg"),
        (lambda: Embedding(3, 2, embeddings_regularizer=1), TypeError, "embeddings_regularizer: expected a name"),
        (lambda: SimpleRNN(1, activity_regularizer="l"), ValueError, "activity_regularizer: expected one of .*got 'l'"),
        (lambda: ActivityRegularization(l1=-1), ValueError, "l1: expected .*got -1"),
        (lambda: ActivityRegularization()(np.ones(3)), ValueError, r"x: ActivityRegularization expected .*\(3,\)"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
