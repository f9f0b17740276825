"""Every metric against its definition, over batches of any size, from probabilities and from logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnfast import losses, metrics
from rnnfast.activations import KNOWN, softmax
from rnnfast.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from rnnfast.metrics import (
    AUC,
    BinaryAccuracy,
    CategoricalAccuracy,
    Perplexity,
    Precision,
    Recall,
    Scored,
    SparseCategoricalAccuracy,
    TopKCategoricalAccuracy,
    resolve,
)


def sigmoid(z):
    return KNOWN["sigmoid"].forward(z)


def scored(loss, scores, targets, weights=None):
    targets = loss.targets(targets, scores.shape, "float64")
    result = loss.evaluate(targets=targets, predictions=scores)
    logits = getattr(loss, "from_logits", False)
    output = (sigmoid if isinstance(loss, BinaryCrossentropy) else softmax) if logits else (lambda z: z)
    return Scored(targets, scores, logits, lambda: output(scores), result.value, result.terms, weights)


def measure(metric, loss, scores, targets, weights=None, cuts=()):
    """The metric over the batches that the samples are cut into at these places."""
    places = np.split(np.arange(len(scores)), sorted(cuts))
    parts = [
        metric.statistic(scored(loss, scores[i], targets[i], None if weights is None else weights[i]))
        for i in places
        if i.size
    ]
    return metric.value(sum(parts[1:], start=parts[0]))


def yes_and_no(rng, shape):
    """Logits, no two alike at any threshold, and labels."""
    return 2 * rng.standard_normal(shape), rng.integers(0, 2, shape)


def pairs(z, y, w):
    """Probability that a positive is above a negative, by all pairs with their weights."""
    positive, negative = z[y == 1], z[y == 0]
    weight = w[y == 1][:, None] * w[y == 0]
    above = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    return (weight * above).sum() / weight.sum()


def at_thresholds(z, y, w, count):
    """Trapezoids under the curve through every threshold, one after the other."""
    p = sigmoid(z)
    thresholds = [-1.0, *(i / (count - 1) for i in range(1, count - 1)), 2.0]
    x = [w[(p > t) & (y == 0)].sum() / w[y == 0].sum() for t in thresholds]
    h = [w[(p > t) & (y == 1)].sum() / w[y == 1].sum() for t in thresholds]
    return sum((x[i] - x[i + 1]) * (h[i] + h[i + 1]) / 2 for i in range(count - 1))


DEFINITIONS = {
    "binary_accuracy": (BinaryAccuracy(), lambda z, y, w: np.average((z > 0) == y, weights=w)),
    "binary_accuracy 0.2": (BinaryAccuracy(0.2), lambda z, y, w: np.average((sigmoid(z) > 0.2) == y, weights=w)),
    "precision": (Precision(), lambda z, y, w: w[(z > 0) & (y == 1)].sum() / w[z > 0].sum()),
    "precision 0.3": (Precision(0.3), lambda z, y, w: (w * y)[sigmoid(z) > 0.3].sum() / w[sigmoid(z) > 0.3].sum()),
    "recall": (Recall(), lambda z, y, w: w[(z > 0) & (y == 1)].sum() / w[y == 1].sum()),
    "recall 0.7": (Recall(0.7), lambda z, y, w: w[(sigmoid(z) > 0.7) & (y == 1)].sum() / w[y == 1].sum()),
    "auc": (AUC(), lambda z, y, w: at_thresholds(z, y, w, 200)),
    "auc of 2": (AUC(2), lambda z, y, w: 0.5),
    "auc of 7": (AUC(7), lambda z, y, w: at_thresholds(z, y, w, 7)),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINITIONS)
@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    shape=st.sampled_from([(40, 1), (20, 3), (12, 4, 2)]),
    from_logits=st.booleans(),
    weighted=st.booleans(),
    cuts=st.lists(st.integers(0, 40), max_size=4),
)
def test_yes_and_no(name, seed, shape, from_logits, weighted, cuts):
    rng = np.random.default_rng(seed)
    metric, definition = DEFINITIONS[name]
    z, y = yes_and_no(rng, shape)
    weights = rng.uniform(0.1, 2, shape[:-1]) if weighted else None
    every = np.ones(shape) if weights is None else np.broadcast_to(weights[..., None], shape)
    value = measure(
        metric, BinaryCrossentropy(from_logits=from_logits), z if from_logits else sigmoid(z), y, weights, cuts
    )
    assert value == pytest.approx(definition(z, y, every), rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_area_is_the_probability_of_the_right_order(weighted):
    rng = np.random.default_rng(0)
    p = rng.permutation(np.arange(0.5, 400) / 400)[:, None]  # no two between the same thresholds
    z, y = np.log(p / (1 - p)), (p + 0.5 * rng.standard_normal((400, 1)) > 0.5).astype(int)
    w = rng.uniform(0.1, 2, 400) if weighted else np.ones(400)
    value = measure(AUC(20000), BinaryCrossentropy(from_logits=True), z, y, w, cuts=[7, 300])
    assert value == pytest.approx(pairs(z[:, 0], y[:, 0], w), rel=1e-12)
    if not weighted:
        u = stats.mannwhitneyu(z[y == 1], z[y == 0]).statistic
        assert value == pytest.approx(u / ((y == 1).sum() * (y == 0).sum()), rel=1e-12)


@pytest.mark.parametrize("metric", [Precision(), Recall(), AUC()])
def test_without_a_positive_it_is_0(metric):
    scores = np.full((4, 1), 0.2)
    assert measure(metric, BinaryCrossentropy(), scores, np.zeros(4, int)) == 0


def test_it_is_not_a_mean_over_batches():
    """One batch has a single hit, the other three misses."""
    scores, y = np.array([[0.9], [0.9], [0.9], [0.9], [0.1], [0.1]]), np.array([1, 0, 0, 0, 0, 1])
    assert measure(Precision(), BinaryCrossentropy(), scores, y, cuts=[1]) == 0.25
    assert measure(Recall(), BinaryCrossentropy(), scores, y, cuts=[1]) == 0.5


@pytest.mark.parametrize("shape", [(30, 6), (8, 5, 6)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("one_hot", [False, True])
def test_classes(shape, weighted, from_logits, one_hot):
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal(shape), rng.integers(0, 6, shape[:-1])
    weights = rng.uniform(0.1, 2, shape[:-1]) if weighted else None
    p = softmax(z)
    of_class = np.take_along_axis(p, y[..., None], -1)
    rank = (p > of_class).sum(axis=-1)
    kind, accuracy = (
        (CategoricalCrossentropy, CategoricalAccuracy)
        if one_hot
        else (SparseCategoricalCrossentropy, SparseCategoricalAccuracy)
    )
    expected = {
        accuracy(): np.average(rank == 0, weights=weights),
        TopKCategoricalAccuracy(): np.average(rank < 5, weights=weights),
        TopKCategoricalAccuracy(2): np.average(rank < 2, weights=weights),
        Perplexity(): np.exp(-np.average(np.log(of_class[..., 0]), weights=weights)),
    }
    targets = np.eye(6)[y] if one_hot else y
    loss = kind(from_logits=from_logits, steps="sum")
    for metric, value in expected.items():
        result = measure(metric, loss, z if from_logits else p, targets, weights, cuts=[1, 6])
        assert result == pytest.approx(value, rel=1e-7), metric.name


def test_a_row_without_finite_scores_is_no_hit():
    scores = np.array([[np.nan, 1.0, 2.0], [1.0, 2.0, 3.0]])
    batch = Scored(np.array([1, 1]), scores, True, lambda: scores, 0.0, np.zeros(2), None)
    assert TopKCategoricalAccuracy(3).value(TopKCategoricalAccuracy(3).statistic(batch)) == 0.5


def test_perplexity_beyond_all_numbers_is_infinite():
    assert Perplexity().value(np.array([1e6, 1.0])) == np.inf


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("metric", "name", "options"),
    [
        (BinaryAccuracy(0.3), "BinaryAccuracy", {"threshold": 0.3}),
        (Precision(0.3), "Precision", {"thresholds": 0.3}),
        (Recall(0.3), "Recall", {"thresholds": 0.3}),
        (AUC(), "AUC", {}),
        (AUC(20), "AUC", {"num_thresholds": 20}),
        (CategoricalAccuracy(), "CategoricalAccuracy", {}),
        (SparseCategoricalAccuracy(), "SparseCategoricalAccuracy", {}),
        (TopKCategoricalAccuracy(2), "TopKCategoricalAccuracy", {"k": 2}),
        (TopKCategoricalAccuracy(2), "SparseTopKCategoricalAccuracy", {"k": 2}),
    ],
)
def test_values_are_those_of_keras(metric, name, options, weighted, keras):
    rng = np.random.default_rng(3)
    theirs = getattr(keras.metrics, name)(**options)
    y = rng.integers(0, 4, 24)
    if "Categorical" in name:
        loss = SparseCategoricalCrossentropy() if "Sparse" in name else CategoricalCrossentropy()
        scores = softmax(rng.standard_normal((24, 4)))
        targets = y if "Sparse" in name else np.eye(4)[y]
    else:
        loss, scores, targets = BinaryCrossentropy(), rng.random((24, 1)), (y > 1)[:, None].astype(int)
    weights = rng.uniform(0.1, 2, 24) if weighted else None
    for i in (slice(0, 10), slice(10, 24)):
        theirs.update_state(targets[i], scores[i], None if weights is None else weights[i])
    assert measure(metric, loss, scores, targets, weights, [10]) == pytest.approx(float(theirs.result()), rel=1e-5)


def test_names_follow_the_loss():
    for loss, kind in (
        (BinaryCrossentropy(), BinaryAccuracy),
        (CategoricalCrossentropy(), CategoricalAccuracy),
        (SparseCategoricalCrossentropy(), SparseCategoricalAccuracy),
    ):
        resolved = resolve(["accuracy"], loss, weighted=["accuracy"])
        assert [metric.name for metric in resolved] == ["loss", "accuracy", "weighted_accuracy"]
        assert type(resolved[1]) is kind
    assert resolve([], MeanSquaredError(), weighted=["mse"])[1].name == "mse"
    for name, make in metrics.KNOWN.items():
        assert make().name == name


def half(y_true, y_pred):
    return 0.5


binary, sparse = BinaryCrossentropy(), SparseCategoricalCrossentropy()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: resolve(["acc"], binary), ValueError, "metrics: expected one of accuracy, auc, .*got 'acc'"),
        (lambda: resolve([3], binary), TypeError, "metrics: expected a name, a Metric or a function, got 3"),
        (lambda: resolve("auc", binary), TypeError, "metrics: expected a list of names and functions, got 'auc'"),
        (lambda: resolve([], binary, weighted="auc"), TypeError, "weighted_metrics: expected a list"),
        (lambda: resolve([], binary, weighted=["f"]), ValueError, "weighted_metrics: expected one of .*got 'f'"),
        (lambda: resolve([], binary, weighted=[half]), TypeError, "weighted_metrics: expected .*the function 'half'"),
        (lambda: resolve(["auc", AUC(7)], binary), ValueError, r"metrics: expected names that differ.*'auc', 'auc'"),
        (lambda: resolve([AUC(name="loss")], binary), ValueError, "none of them 'loss'"),
        (lambda: resolve(["precision"], sparse), ValueError, "'precision' does not go with .*expected BinaryCross"),
        (lambda: resolve(["perplexity"], binary), ValueError, "'perplexity' does not go with the loss BinaryCross"),
        (lambda: resolve(["mse"], sparse), ValueError, "'mse' does not go with the loss SparseCategoricalCrossentropy"),
        (lambda: resolve(["top_k_categorical_accuracy"], losses.MeanSquaredError()), ValueError, "does not go with"),
        (lambda: resolve(["accuracy"], losses.MeanSquaredError()), ValueError, "'accuracy' does not go with the loss"),
        (lambda: resolve(["categorical_accuracy"], sparse), ValueError, "does not go with"),
        (lambda: BinaryAccuracy(1.5), ValueError, "threshold: expected .*at most 1, got 1.5"),
        (lambda: Precision("0.5"), TypeError, "threshold: expected a number, got '0.5'"),
        (lambda: Recall(-0.1), ValueError, "threshold: expected .*got -0.1"),
        (lambda: AUC(1), ValueError, "num_thresholds: expected at least 2, got 1"),
        (lambda: AUC(2.5), TypeError, "num_thresholds: expected an integer, got 2.5"),
        (lambda: TopKCategoricalAccuracy(0), ValueError, "k: expected at least 1, got 0"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
