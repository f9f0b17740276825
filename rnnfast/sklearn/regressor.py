"""Sequences to numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from rnnfast.layers import Dense
from rnnfast.sklearn.estimator import PARAMETERS, RNNEstimator
from rnnfast.sklearn.sequences import check_sequences, check_targets
from rnnfast.typing import Array


class RNNRegressor(RegressorMixin, RNNEstimator):  # type: ignore[misc]  # untyped in scikit-learn
    __doc__ = f"""A plain recurrent network that gives numbers for a sequence, trained on the squared error.

    X is as for RNNClassifier. y is (n,), or (n, k) for k numbers each; the network learns best where these have a mean
    of about 0 and a variance of about 1, which `sklearn.compose.TransformedTargetRegressor` sees to.
    {PARAMETERS}    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> RNNRegressor:
        """Trains on sequences X and what they mean, y (n,) or (n, k).

        Args:
            X: see RNNClassifier.
            y: finite numbers.
            sample_weight: what each sequence counts, (n,); at least 0.

        Raises:
            ValueError, TypeError: a parameter out of range, other shapes, NaN.
        """
        return self._fit(X, y, sample_weight, again=self.warm_start, epochs=self.epochs)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> RNNRegressor:
        """One pass over X, which goes on from the calls before; arguments and errors are those of `fit`."""
        return self._fit(X, y, sample_weight, again=True, epochs=1)

    def predict(self, X: Any) -> Array:
        """A number for each sequence, (n,), or (n, k) where y had that shape."""
        outputs = self._outputs(X).astype(np.float64)  # as scikit-learn expects of regressors
        return outputs[:, 0] if self._flat else outputs

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, again: bool, epochs: int) -> RNNRegressor:
        self._check_parameters()
        again = again and hasattr(self, "model_")
        x = check_sequences(self, X, reset=not again)
        y = check_targets(self, y, multi_output=True, y_numeric=True)
        if not again:
            self._flat = y.ndim == 1
            self._build(Dense(1 if self._flat else y.shape[1]), "mse")
        return self._train(x, np.asarray(y, np.float32), sample_weight, epochs, stratify=None)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
