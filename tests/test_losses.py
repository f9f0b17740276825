import numpy as np
import pytest

from rnnfast import activations, losses
from rnnfast.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

SHAPES = [(4, 3), (4, 1), (2, 5, 3)]
CROSSENTROPIES = [BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy]
LOSSES = [
    *(
        kind(from_logits=logits, steps=steps)
        for kind in CROSSENTROPIES
        for logits in (False, True)
        for steps in ("mean", "sum")
    ),
    MeanSquaredError(),
    MeanSquaredError(steps="sum"),
]


def problem(loss, shape, seed=0):
    """Random predictions and targets that the loss takes."""
    rng = np.random.default_rng(seed)
    z = 2 * rng.standard_normal(shape)
    if isinstance(loss, MeanSquaredError):
        return z, rng.standard_normal(shape)
    if isinstance(loss, BinaryCrossentropy):
        return z if loss.from_logits else activations.KNOWN["sigmoid"].forward(z), rng.integers(0, 2, shape)
    predictions = z if loss.from_logits else activations.softmax(z)
    classes = rng.integers(0, shape[-1], shape[:-1])
    return predictions, classes if isinstance(loss, SparseCategoricalCrossentropy) else np.eye(shape[-1])[classes]


def terms_by_definition(loss, predictions, targets):
    """What is averaged, one term a row (or an element), straight from the definition."""
    if isinstance(loss, MeanSquaredError):
        return (predictions - targets) ** 2
    if isinstance(loss, BinaryCrossentropy):
        p = activations.KNOWN["sigmoid"].forward(predictions) if loss.from_logits else predictions
        return -np.log(np.where(targets, p, 1 - p))
    p = activations.softmax(predictions) if loss.from_logits else predictions
    if isinstance(loss, SparseCategoricalCrossentropy):
        targets = np.eye(p.shape[-1])[targets]
    return -(targets * np.log(p)).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_value_is_the_definition(loss, shape):
    predictions, y = problem(loss, shape)
    targets = loss.targets(y, shape, "float64")
    value, _ = loss.value_and_gradient(targets=targets, predictions=predictions)
    terms = terms_by_definition(loss, predictions, y)
    steps = shape[1] if len(shape) == 3 and loss.steps == "sum" else 1
    assert value == pytest.approx(terms.mean() * steps, rel=1e-6, abs=2e-7)  # Keras's clip is within this


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_gradient_is_that_of_the_value(loss, shape, numeric_gradient):
    predictions, y = problem(loss, shape)
    predictions = predictions.copy()
    targets = loss.targets(y, shape, "float64")
    _, gradient = loss.value_and_gradient(targets=targets, predictions=predictions)
    expected = numeric_gradient(
        lambda: loss.value_and_gradient(targets=targets, predictions=predictions)[0], predictions
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


@pytest.mark.parametrize("from_logits", [False, True])
def test_categorical_targets_need_not_sum_to_1(from_logits, numeric_gradient):
    loss = CategoricalCrossentropy(from_logits=from_logits)
    rng = np.random.default_rng(0)
    predictions, targets = rng.uniform(0.1, 1, (4, 3)), rng.uniform(0, 1, (4, 3))
    value, gradient = loss.value_and_gradient(targets=targets, predictions=predictions)
    p = activations.softmax(predictions) if from_logits else predictions / predictions.sum(axis=1, keepdims=True)
    assert value == pytest.approx(-(targets * np.log(p)).sum() / 4)
    expected = numeric_gradient(
        lambda: loss.value_and_gradient(targets=targets, predictions=predictions)[0], predictions
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_memory_order_does_not_matter_and_arguments_are_kept(loss):
    predictions, y = problem(loss, (2, 5, 3))
    targets = loss.targets(y, predictions.shape, "float64")
    time_major = np.ascontiguousarray(predictions.transpose(1, 0, 2)).transpose(1, 0, 2)
    kept = predictions.copy(), targets.copy()
    expected = loss.value_and_gradient(targets=targets, predictions=predictions)
    value, gradient = loss.value_and_gradient(targets=targets, predictions=time_major)
    assert value == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
    np.testing.assert_array_equal(predictions, kept[0])
    np.testing.assert_array_equal(targets, kept[1])


@pytest.mark.parametrize("kind", CROSSENTROPIES)
def test_logits_and_probabilities_agree(kind):
    """The exact fused form against the loss on probabilities, through the activation's own gradient."""
    on_logits = losses.on_logits(kind(), kind.fused_activation)
    z, y = problem(on_logits, (6, 3))
    activation = activations.get(kind.fused_activation)
    p = activation.forward(z)
    targets = kind().targets(y, z.shape, "float64")
    value, gradient = on_logits.value_and_gradient(targets=targets, predictions=z)
    expected, dp = kind().value_and_gradient(targets=targets, predictions=p)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient, activation.backward(p, dp), atol=1e-9)


@pytest.mark.parametrize("kind", CROSSENTROPIES)
def test_logits_far_out_stay_finite_in_float32(kind):
    loss = kind(from_logits=True)
    z = np.array([[1000, -1000], [-1000, 1000]], np.float32)
    y = np.array([0, 0]) if kind is SparseCategoricalCrossentropy else np.array([[1, 0], [1, 0]])
    value, gradient = loss.value_and_gradient(targets=loss.targets(y, z.shape, "float32"), predictions=z)
    # right in the first row, wrong by 1000 (binary) or 2000 (categorical) in each unit of the second
    assert value == 500 if kind is BinaryCrossentropy else value == 1000
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(np.abs(gradient), [[0, 0], [0.25, 0.25] if kind is BinaryCrossentropy else [0.5, 0.5]])


@pytest.mark.parametrize("kind", CROSSENTROPIES)
def test_probabilities_are_clipped_as_in_keras(kind):
    p = np.array([[0.0, 1.0]])
    y = np.array([0]) if kind is SparseCategoricalCrossentropy else np.array([[1, 0]])
    value, gradient = kind().value_and_gradient(targets=kind().targets(y, p.shape, "float64"), predictions=p)
    assert value == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("loss", "activation", "fuses"),
    [
        (BinaryCrossentropy(), "sigmoid", True),
        (BinaryCrossentropy(), "softmax", False),
        (BinaryCrossentropy(from_logits=True), "sigmoid", False),
        (CategoricalCrossentropy(), "softmax", True),
        (SparseCategoricalCrossentropy(steps="sum"), "softmax", True),
        (MeanSquaredError(), "linear", False),
        (MeanSquaredError(), "", False),
    ],
)
def test_only_a_loss_with_its_own_activation_fuses(loss, activation, fuses):
    fused = losses.on_logits(loss, activation)
    assert (fused is not None) == fuses
    if fused is not None:
        assert fused.from_logits
        assert fused.steps == loss.steps


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.get("hinge"), ValueError, "loss: expected one of binary_crossentropy.*got 'hinge'"),
        (lambda: losses.get(3), TypeError, "loss: expected a name or a Loss, got 3"),
        (lambda: MeanSquaredError(steps="last"), ValueError, "steps: expected one of mean, sum, got 'last'"),
        (lambda: BinaryCrossentropy(from_logits=1), TypeError, "from_logits: expected a bool, got 1"),
        (
            lambda: BinaryCrossentropy().targets([0, 2], (2, 1), "float32"),
            ValueError,
            r"y: expected values in 0..1, got values in 0.0..2.0",
        ),
        (
            lambda: BinaryCrossentropy().targets([0, np.nan], (2, 1), "float32"),
            ValueError,
            r"y: expected values in 0..1, got values in nan",
        ),
        (
            lambda: BinaryCrossentropy().targets([0, 1, 1], (2, 1), "float32"),
            ValueError,
            r"y: expected shape \(2, 1\) or \(2,\), got \(3,\)",
        ),
        (lambda: MeanSquaredError().targets(["a"], (1, 1), "float32"), TypeError, "y: expected numbers, got dtype <U1"),
        (
            lambda: SparseCategoricalCrossentropy().targets([0, 3], (2, 3), "float32"),
            ValueError,
            r"y: expected values in 0..2, got values in 0..3",
        ),
        (
            lambda: SparseCategoricalCrossentropy().targets([0.0, 1.0], (2, 3), "float32"),
            TypeError,
            "y: expected integer classes, got dtype float64",
        ),
        (
            lambda: SparseCategoricalCrossentropy().targets([[0, 1]], (2, 3), "float32"),
            ValueError,
            r"y: expected shape \(2, 1\) or \(2,\), got \(1, 2\)",
        ),
        (
            lambda: CategoricalCrossentropy().targets([0, 1], (2, 3), "float32"),
            ValueError,
            r"y: expected shape \(2, 3\), got \(2,\)",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
