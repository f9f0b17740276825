"""What the classifier and the regressor say to bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra: sklearn)")

from rnnfast.sklearn import RNNClassifier, RNNRegressor  # scikit-learn is there

X = np.random.default_rng(0).standard_normal((10, 6, 2)).astype(np.float32)
Y = np.arange(10) % 2
IDS: dict[str, Any] = {"vocabulary_size": 5}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: RNNClassifier(0).fit(X, Y), ValueError, "hidden_size: expected at least 1, got 0"),
        (lambda: RNNClassifier(epochs=1.5).fit(X, Y), TypeError, "epochs: expected an integer, got 1.5"),
        (lambda: RNNClassifier(bidirectional=1).fit(X, Y), TypeError, "bidirectional: expected a bool, got 1"),
        (lambda: RNNClassifier(optimizer="best").fit(X, Y), ValueError, "optimizer: expected one of adagrad, adam"),
        (lambda: RNNClassifier(activation="best").fit(X, Y), ValueError, "activation: expected one of tanh, relu"),
        (lambda: RNNClassifier(dropout=1.0).fit(X, Y), ValueError, "dropout: expected a finite number"),
        (lambda: RNNClassifier(learning_rate=-1.0).fit(X, Y), ValueError, "learning_rate: expected"),
        (lambda: RNNClassifier(validation_fraction=1).fit(X, Y), ValueError, "validation_fraction: expected a finite"),
        (lambda: RNNClassifier().fit(X, Y[:5]), ValueError, "inconsistent numbers of samples"),
        (lambda: RNNClassifier().fit(X, Y * 0), ValueError, "y: expected at least 2 classes, got 1 class"),
        (lambda: RNNClassifier().fit(X[..., None], Y), ValueError, "X: expected .n, T., .n, T, F. or a list"),
        (lambda: RNNClassifier().fit(X[:, :0], Y), ValueError, r"X: expected .* got shape \(10, 0, 2\)"),
        (lambda: RNNClassifier().fit(X * np.nan, Y), ValueError, "Input X contains NaN"),
        (lambda: RNNClassifier().fit([[1.0], [1.0, np.inf]], [0, 1]), ValueError, "Input X contains infinity"),
        (lambda: RNNClassifier().fit([np.ones((2, 3)), np.ones((2, 2))], [0, 1]), ValueError, "the same number of fea"),
        (lambda: RNNClassifier().fit([np.ones((0, 3)), np.ones((2, 3))], [0, 1]), ValueError, "0 sample"),
        (lambda: RNNClassifier(epochs=1).fit(X, Y).predict(X[:, :, :1]), ValueError, "X has 1 features, but RNNClass"),
        (lambda: RNNClassifier(**IDS).fit([[1, 2], [5]], [0, 1]), ValueError, r"X: expected integers in 0\.\.4, got 5"),
        (
            lambda: RNNClassifier(**IDS).fit([[1, 2], [-1]], [0, 1]),
            ValueError,
            r"X: expected integers in 0\.\.4, got -1",
        ),
        (lambda: RNNClassifier(**IDS).fit([[1.5], [1, 2]], [0, 1]), TypeError, "X: expected integers below vocabulary"),
        (lambda: RNNClassifier(**IDS).fit([[1.5], [1.0]], [0, 1]), TypeError, "X: expected integers below vocabulary"),
        (lambda: RNNClassifier(**IDS).fit([[1], []], [0, 1]), TypeError, "X: expected integers below vocabulary"),
        (lambda: RNNClassifier(**IDS).fit(["a b", "c"], [0, 1]), ValueError, "Expected 2D array, got 1D array"),
        (lambda: RNNClassifier().fit([], []), ValueError, "X: expected at least one sequence, got none"),
        (lambda: RNNClassifier(**IDS).fit([], []), ValueError, "X: expected at least one sequence, got none"),
        (lambda: RNNClassifier(random_state="a").fit(X, Y), ValueError, "random_state: 'a' cannot be used to seed"),
        (
            lambda: RNNClassifier(early_stopping=True).fit(X[:4], Y[:4]),
            ValueError,
            "early_stopping with validation_fraction=0.1 of 4 sequences: The test_size = 1",
        ),
        (
            lambda: RNNClassifier(epochs=1).fit(X, Y).predict(X[0]),
            ValueError,
            r"X: expected sequences \(T, F\), as in fit, got a table with 1 feature\(s\)",
        ),
        (
            lambda: RNNClassifier(epochs=1).fit(X[:, :2, 0], Y).predict(X),
            ValueError,
            r"X: expected a table \(n, T\), as in fit, got sequences with 2 feature\(s\)",
        ),
        (lambda: RNNRegressor().fit(X, None), ValueError, "y: RNNRegressor requires y to be passed"),
        (lambda: RNNClassifier().predict(X), ValueError, "not fitted yet"),
        (lambda: RNNRegressor().fit(X, ["a"] * 10), ValueError, "could not convert"),
        (lambda: RNNRegressor().fit(X, Y, sample_weight=-np.ones(10)), ValueError, "[Nn]egative values"),
    ],
)
def test_bad_input(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()
