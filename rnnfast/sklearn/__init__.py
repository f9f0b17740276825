"""scikit-learn: a classifier and a regressor of sequences, for pipelines, cross-validation and grid search.

Needs scikit-learn (pip install 'rnnfast[sklearn]').
"""

from rnnfast.optional import require

require("sklearn", extra="sklearn", user="rnnfast.sklearn")

from rnnfast.sklearn.classifier import RNNClassifier  # noqa: E402  # scikit-learn is there
from rnnfast.sklearn.regressor import RNNRegressor  # noqa: E402

__all__ = ["RNNClassifier", "RNNRegressor"]
