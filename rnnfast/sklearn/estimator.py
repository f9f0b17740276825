"""What the classifier and the regressor have in common: parameters, the model, training and pickling."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from rnnfast import optimizers
from rnnfast.arguments import check_flag, check_number
from rnnfast.callbacks import EarlyStopping
from rnnfast.configuration import NOTHING, decode, encode
from rnnfast.layers import Bidirectional, Dense, Dropout, Embedding, Layer, Padding, SimpleRNN
from rnnfast.model import Sequential
from rnnfast.pointwise import Activation
from rnnfast.problem import check_option, check_size
from rnnfast.sklearn.sequences import check_sequences
from rnnfast.typing import Array

Self = TypeVar("Self", bound="RNNEstimator")


class RNNEstimator(BaseEstimator):  # type: ignore[misc]  # untyped in scikit-learn
    """See RNNClassifier and RNNRegressor."""

    def __init__(
        self,
        hidden_size: int = 32,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        activation: str | Activation = "tanh",
        vocabulary_size: int | None = None,
        embedding_size: int = 32,
        dropout: float = 0.0,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        epochs: int = 20,
        batch_size: int = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.activation = activation
        self.vocabulary_size = vocabulary_size
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        for name in ("hidden_size", "num_layers", "embedding_size", "epochs", "batch_size", "n_iter_no_change"):
            check_size(name, getattr(self, name))
        if self.vocabulary_size is not None:
            check_size("vocabulary_size", self.vocabulary_size)
        for name in ("bidirectional", "early_stopping", "warm_start"):
            check_flag(name, getattr(self, name))
        check_number("dropout", self.dropout, low=0, below=1)
        check_number("validation_fraction", self.validation_fraction, low=0, below=1)
        check_option("optimizer", self.optimizer, tuple(optimizers.KNOWN))

    def _build(self, output: Dense, loss: str) -> None:
        """A new model, compiled."""
        try:
            rng = check_random_state(self.random_state)
        except ValueError as error:
            raise ValueError(f"random_state: {error}") from error
        self._seeds = np.random.SeedSequence(rng.randint(np.iinfo(np.int32).max))
        layers: list[Layer] = [Padding()]
        if self.vocabulary_size is not None:
            layers = [Embedding(self.vocabulary_size, self.embedding_size, mask_zero=True)]
        for number in range(self.num_layers):
            rnn = SimpleRNN(self.hidden_size, self.activation, return_sequences=number < self.num_layers - 1)
            layers.append(Bidirectional(rnn) if self.bidirectional else rnn)
        if self.dropout:
            layers.append(Dropout(self.dropout))
        self.model_ = Sequential([*layers, output], seed=self._seeds.spawn(1)[0])
        optimizer: Any = optimizers.KNOWN[self.optimizer]
        self.model_.compile(optimizer(learning_rate=self.learning_rate), loss)
        self.history_: dict[str, list[float]] = {}

    def _train(self: Self, x: Array, y: Array, sample_weight: Any, epochs: int, stratify: Array | None) -> Self:
        """Fits the model to arrays that are checked, and notes losses in `history_`."""
        check_consistent_length(x, y)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, x, ensure_non_negative=True)
        train: Any = slice(None)
        fit_options: dict[str, Any] = {}
        if self.early_stopping:
            seed = int(self._seeds.generate_state(1)[0])
            split = {"test_size": self.validation_fraction, "random_state": seed, "stratify": stratify}
            try:
                train, held_out = train_test_split(np.arange(len(x)), **split)
            except ValueError as error:
                part = f"validation_fraction={self.validation_fraction} of {len(x)} sequences"
                raise ValueError(f"early_stopping with {part}: {error}") from error
            fit_options["validation_data"] = tuple(a[held_out] for a in (x, y, weights) if a is not None)
            fit_options["callbacks"] = [EarlyStopping(patience=self.n_iter_no_change, restore_best_weights=True)]
        history = self.model_.fit(
            x[train],
            y[train],
            sample_weight=None if weights is None else weights[train],
            batch_size=self.batch_size,
            epochs=epochs,
            verbose=self.verbose,
            **fit_options,
        )
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(values)
        self.n_epochs_ = len(self.history_["loss"])
        return self

    def _outputs(self, x: Any) -> Array:
        """What the model gives for X, (n, units)."""
        check_is_fitted(self)
        return self.model_.predict(check_sequences(self, x, reset=False), batch_size=256)

    def __getstate__(self) -> dict[str, Any]:
        """Parameters, and the model as its configuration and weights: plain values and arrays."""
        state: dict[str, Any] = dict(super().__getstate__())
        if "model_" in state:
            model = state.pop("model_")
            state["_saved_model"] = {
                "model": encode("model", model),
                "compile": model.get_compile_config(),
                "input_shape": model.layers[0].built_for,
                "weights": model.get_weights(),
            }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes what `__getstate__` returned; the optimizer begins anew."""
        saved = state.get("_saved_model")
        super().__setstate__({name: value for name, value in state.items() if name != "_saved_model"})
        if saved is not None:
            self.model_ = decode(saved["model"], NOTHING)
            self.model_.build(saved["input_shape"])
            self.model_.set_weights(saved["weights"])
            self.model_.compile_from_config(saved["compile"])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


PARAMETERS = """
    Args:
        hidden_size: units of each recurrent layer.
        num_layers: recurrent layers, one over the outputs of the other.
        bidirectional: each layer goes over the sequence in both directions, and outputs are concatenated.
        activation: of the recurrence; a name or an `rnnfast.Activation`, see docs/semantics.md.
        vocabulary_size: X holds integers below this, each of which gets a vector that is learned; 0 is padding.
        embedding_size: length of these vectors.
        dropout: rate, in 0..1 and below 1, of dropout on what the last recurrent layer returns.
        optimizer: a name in `rnnfast.optimizers.KNOWN`.
        learning_rate: of the optimizer.
        epochs: passes over the data, at most.
        batch_size: sequences in a step.
        early_stopping: end when the loss on held-out sequences has not improved for n_iter_no_change epochs, and go
            back to the best weights.
        validation_fraction: of the sequences, that are held out with early_stopping.
        n_iter_no_change: see early_stopping.
        warm_start: a second `fit` goes on from the weights of the first.
        random_state: of initial weights, order and dropout: an integer, a NumPy RandomState, or None.
        verbose: 0 silent, 1 a progress bar, 2 a line an epoch.

    Attributes:
        model_: the `rnnfast.Sequential`.
        history_: {"loss": [...], "val_loss": [...]}, a value for each epoch.
        n_epochs_: how many there were.
        n_features_in_: features of a step; the columns of a table (n, T); 1 for integers.
"""
