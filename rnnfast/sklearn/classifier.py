"""Sequences to classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from rnnfast.layers import Dense
from rnnfast.sklearn.estimator import PARAMETERS, RNNEstimator
from rnnfast.sklearn.sequences import check_sequences, check_targets
from rnnfast.typing import Array


class RNNClassifier(ClassifierMixin, RNNEstimator):  # type: ignore[misc]  # untyped in scikit-learn
    __doc__ = f"""A plain recurrent network that says which class a sequence is of.

    X is one of: (n, T, F), n sequences of T steps of F features; a list of n arrays (T_i, F), sequences of different
    lengths; (n, T), one feature a step, which is what scikit-learn calls n samples of T features; or, with
    `vocabulary_size`, integers: (n, T), in which 0 is padding, or a list of (T_i,).

    Two classes are told apart by one output with binary cross-entropy, more by softmax with categorical cross-entropy.
    {PARAMETERS}        classes_: the classes, sorted.
    """

    classes_: Array

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> RNNClassifier:
        """Trains on sequences X and their classes y, (n,) of numbers or strings.

        Args:
            X: see the class.
            y: at least two different classes.
            sample_weight: what each sequence counts, (n,); at least 0.

        Raises:
            ValueError, TypeError: a parameter out of range, other shapes, NaN, fewer than two classes.
        """
        return self._fit(X, y, sample_weight, None, again=self.warm_start, epochs=self.epochs)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> RNNClassifier:
        """One pass over X, which goes on from the calls before.

        Args:
            X, y, sample_weight: see `fit`.
            classes: all classes that there will be, on the first call; by default those of y.

        Raises:
            ValueError, TypeError: as `fit`; a class that is not among the first call's.
        """
        return self._fit(X, y, sample_weight, classes, again=True, epochs=1)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class of `classes_`, (n, classes)."""
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> Array:
        """The most probable class of each sequence, (n,)."""
        probabilities = self.predict_proba(X)
        best: Array = self.classes_[probabilities.argmax(axis=1)]
        return best

    def _fit(self, X: Any, y: Any, sample_weight: Any, classes: Any, *, again: bool, epochs: int) -> RNNClassifier:
        self._check_parameters()
        again = again and hasattr(self, "model_")
        x = check_sequences(self, X, reset=not again)
        y = check_targets(self, y)
        check_classification_targets(y)
        known = self.classes_ if again else np.unique(y if classes is None else classes)
        if len(known) < 2:
            raise ValueError(f"y: expected at least 2 classes, got 1 class: {known}")
        if not np.isin(y, known).all():
            raise ValueError(f"y: expected classes among {known}, got {np.setdiff1d(y, known)}")
        if not again:
            self.classes_ = known
            output = Dense(1, "sigmoid") if len(known) == 2 else Dense(len(known), "softmax")
            self._build(output, "binary_crossentropy" if len(known) == 2 else "sparse_categorical_crossentropy")
        targets = np.searchsorted(known, y)
        return self._train(x, targets, sample_weight, epochs, stratify=targets)
