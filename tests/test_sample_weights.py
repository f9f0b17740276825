"""Weighted losses against their definition: the sum of weight times term, divided by the number of rows."""

import numpy as np
import pytest

from rnnfast import Sequential, sample_weights
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from rnnfast.optimizers import SGD

rng = np.random.default_rng(0)
ids = rng.integers(0, 9, (6, 4))
CASES = {
    "sigmoid": (False, lambda: [Dense(1, "sigmoid")], "binary_crossentropy", rng.integers(0, 2, 6)),
    "two sigmoids": (False, lambda: [Dense(2, "sigmoid")], "binary_crossentropy", rng.integers(0, 2, (6, 2))),
    "not fused": (False, lambda: [Dense(3, "softmax"), Dense(1)], "mse", rng.standard_normal(6)),
    "one-hot": (False, lambda: [Dense(3, "softmax")], "categorical_crossentropy", np.eye(3)[rng.integers(0, 3, 6)]),
    "every step": (True, lambda: [Dense(3)], SparseCategoricalCrossentropy(from_logits=True), ids % 3),
    "summed": (True, lambda: [Dense(3, "softmax")], SparseCategoricalCrossentropy(steps="sum"), ids % 3),
    "steps of mse": (True, lambda: [Dense(2)], MeanSquaredError(steps="sum"), rng.standard_normal((6, 4, 2))),
    "steps of binary": (True, lambda: [Dense(1, "sigmoid")], BinaryCrossentropy(), (ids % 2)),
}  # fmt: skip


def compiled(case, **options):
    steps, layers, loss, y = CASES[case]
    rnn = SimpleRNN(3, return_sequences=steps)
    model = Sequential([Embedding(9, 3, "normal"), rnn, *layers()], seed=0, dtype="float64")
    model.compile(SGD(0.0), loss, **options)
    return model, y


def alone(model, y, i, t):
    """The loss of one sample, or of one of its steps, on its own."""
    target = y[i : i + 1] if t is None else y[i : i + 1, t : t + 1]
    if t is None:
        return model.test_on_batch(ids[i : i + 1], target)
    scores = model.predict_on_batch(ids[i : i + 1])[:, t : t + 1]
    loss = model._loss
    if model._head is not None:
        scores = np.log(scores) if scores.shape[-1] > 1 else np.log(scores / (1 - scores))
    return loss.value_and_gradient(targets=loss.targets(target, scores.shape, "float64"), predictions=scores)[0]


@pytest.mark.parametrize(
    ("case", "per_step"), [(case, per_step) for case in CASES for per_step in {False, CASES[case][0]}]
)
def test_value_and_gradients(case, per_step, numeric_gradient):
    steps = CASES[case][0]
    model, y = compiled(case)
    weights = rng.uniform(0, 2, (6, 4) if per_step else 6)
    weights[1] = 0
    every = weights if per_step else weights[:, None] * np.ones((6, 4 if steps else 1))
    terms = np.array([[alone(model, y, i, t) for t in (range(4) if steps else [None])] for i in range(6)])
    divisor = 6 * (4 if steps and getattr(CASES[case][2], "steps", "mean") == "mean" else 1)
    expected = (every * terms).sum() / divisor
    assert model.train_on_batch(ids, y, sample_weight=weights) == pytest.approx(expected, rel=1e-7)
    assert model.evaluate(ids, y, sample_weight=weights, batch_size=6) == pytest.approx(expected, rel=1e-7)
    for layer in model.layers:
        for parameter in layer.parameters:
            gradient = parameter.gradient
            if isinstance(gradient, tuple):
                gradient = np.zeros_like(parameter.value)
                np.add.at(gradient, *parameter.gradient)
            numeric = numeric_gradient(lambda: model.test_on_batch(ids, y, sample_weight=weights), parameter.value)
            np.testing.assert_allclose(gradient, numeric, atol=1e-8)


def test_weights_of_1_are_none():
    model, y = compiled("every step")
    assert model.test_on_batch(ids, y, sample_weight=np.ones(6)) == pytest.approx(model.test_on_batch(ids, y))


def test_weights_of_classes_are_those_of_their_samples():
    for case, classes in (("sigmoid", lambda y: y), ("one-hot", lambda y: y.argmax(-1)), ("every step", lambda y: y)):
        model, y = compiled(case)
        weights = np.array([0.5, 2.0, 1.0])[classes(y)]
        model.train_on_batch(ids, y, sample_weight=weights)
        expected = [parameter.gradient.copy() for parameter in model.layers[-1].parameters]
        value = model.train_on_batch(ids, y, class_weight={0: 0.5, 1: 2.0})
        assert value == pytest.approx(model.test_on_batch(ids, y, sample_weight=weights))
        for parameter, gradient in zip(model.layers[-1].parameters, expected, strict=True):
            np.testing.assert_array_equal(parameter.gradient, gradient)


def test_fit_with_weights_is_training_batch_by_batch_with_them():
    x, y, weights = ids[:, :1] * 1.0, np.arange(6.0), rng.uniform(0, 2, 6)
    fitted, by_hand = (Sequential([Dense(1)], seed=0) for _ in range(2))
    for model in (fitted, by_hand):
        model.compile(SGD(0.01), "mse", ["mse"], weighted_metrics=["mse"])
    history = fitted.fit(x, y, sample_weight=weights, batch_size=4, shuffle=False, validation_split=0.2).history
    by_hand.train_on_batch(x[:4], y[:4], sample_weight=weights[:4])
    np.testing.assert_array_equal(fitted.get_weights()[0], by_hand.get_weights()[0])
    error = (fitted.predict(x[4:])[:, 0] - y[4:]) ** 2
    assert history["val_loss"][0] == pytest.approx((weights[4:] * error).mean(), rel=1e-5)
    assert history["val_mse"][0] == pytest.approx(error.mean(), rel=1e-5)
    assert history["val_weighted_mse"][0] == pytest.approx(np.average(error, weights=weights[4:]), rel=1e-5)
    again = fitted.fit(x, y, epochs=1, initial_epoch=1).epoch
    assert again == []
    given = fitted.fit(x, y, validation_data=(x[4:], y[4:], weights[4:]), class_weight=None).history
    error = (fitted.predict(x[4:])[:, 0] - y[4:]) ** 2
    assert given["val_loss"][0] == pytest.approx((weights[4:] * error).mean(), rel=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_the_loss_is_that_of_keras(keras):
    x, y = rng.standard_normal((6, 3)).astype(np.float32), rng.integers(0, 2, 6)
    theirs = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
    theirs.compile("sgd", "binary_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy", "auc"])
    theirs.build((None, 3))
    ours = Sequential([Dense(1, "sigmoid")])
    ours.compile("sgd", "binary_crossentropy", ["accuracy"], ["accuracy", "auc"])
    ours.build((None, 3))
    ours.set_weights(theirs.get_weights())
    weights = rng.uniform(0, 2, 6)
    expected = theirs.evaluate(x, y, sample_weight=weights, batch_size=4, verbose=0, return_dict=True)
    values = ours.evaluate(x, y, sample_weight=weights, batch_size=4, return_dict=True)
    assert values == pytest.approx({name: float(value) for name, value in expected.items()}, rel=1e-5)
    assert values["accuracy"] != values["weighted_accuracy"]
    loss = theirs.train_on_batch(x, y, class_weight={0: 0.25, 1: 3}, return_dict=True)["loss"]
    assert ours.train_on_batch(x, y, class_weight={0: 0.25, 1: 3})[0] == pytest.approx(float(loss), rel=1e-5)


def fit_classes(class_weight):
    model, y = compiled("sigmoid")
    return model.fit(ids, y, class_weight=class_weight)


def check(weights, shape):
    return sample_weights.check(weights, shape, "float32")


sigmoid = compiled("sigmoid")
steps = compiled("every step")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: check(["a"], (1, 1)), TypeError, "sample_weight: expected numbers, got dtype"),
        (lambda: check(1.0, (6, 1)), ValueError, r"sample_weight: expected shape \(6,\), got \(\)"),
        (lambda: check(np.ones((6, 1)), (6, 1)), ValueError, r"expected shape \(6,\), got \(6, 1\)"),
        (lambda: check(np.ones(5), (6, 4, 1)), ValueError, r"shape \(6,\) or \(6, 4\), got \(5,\)"),
        (lambda: check([1, -1], (2, 1)), ValueError, "sample_weight: .*at least 0, got values in -1..1"),
        (lambda: check([1, np.nan], (2, 1)), ValueError, "sample_weight: expected finite .*got .*nan"),
        (lambda: fit_classes([1, 2]), TypeError, r"class_weight: expected a dict .*got \[1, 2\]"),
        (lambda: fit_classes({2: 1}), ValueError, r"class_weight: expected classes in 0\.\.1, got 2"),
        (lambda: fit_classes({"0": 1}), TypeError, "class_weight: expected integer classes, got '0'"),
        (lambda: fit_classes({0: -1}), ValueError, r"class_weight\[0\]: expected .*got -1"),
        (lambda: fit_classes({0: None}), TypeError, r"class_weight\[0\]: expected a number, got None"),
        (
            lambda: sigmoid[0].train_on_batch(ids, sigmoid[1], class_weight={}, sample_weight=np.ones(6)),
            ValueError,
            "class_weight: expected None with sample_weight, got both",
        ),
        (
            lambda: compiled("not fused")[0].fit(ids, np.ones(6), class_weight={}),
            ValueError,
            "class_weight: expected a loss over classes, got MeanSquaredError",
        ),
        (
            lambda: compiled("two sigmoids")[0].fit(ids, np.ones((6, 2)), class_weight={}),
            ValueError,
            r"class_weight: expected one output a sample, got targets of shape \(6, 2\)",
        ),
        (
            lambda: steps[0].test_on_batch(ids, steps[1], sample_weight=np.ones((4, 6))),
            ValueError,
            r"sample_weight: .*got \(4, 6\)",
        ),
        (lambda: CategoricalCrossentropy(from_logits=1), TypeError, "from_logits: expected a bool, got 1"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
