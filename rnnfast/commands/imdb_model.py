"""The sentiment model of `rnnfast train imdb`: settings, data, layers, training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import rnnfast
from rnnfast.commands.epochs import Curves, EpochReport
from rnnfast.commands.options import Failure, Option, activation, integer, number, size
from rnnfast.datasets import imdb
from rnnfast.initializers import Identity, RandomNormal
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.optimizers import RMSprop
from rnnfast.text import pad_sequences
from rnnfast.typing import Array


@dataclass(frozen=True)
class Settings:
    """One training. The defaults are the classic exercise: a tiny relu network that begins as the identity."""

    maxlen: int = 30
    num_words: int = 20_000
    embedding: int = 50
    hidden: int = 5
    epochs: int = 10
    batch_size: int = 32
    learning_rate: float = 1e-4
    kernel_stddev: float = 0.001
    recurrent_gain: float = 1.0
    seed: int = 0
    activation: str = "relu"
    backend: str = "auto"


NUMERIC: dict[str, Option] = {
    "maxlen": Option(size, "steps of a review; of a longer one the end is kept"),
    "num_words": Option(integer(3), "size of the vocabulary; padding, start and unknown words take three"),
    "embedding": Option(size, "length of a word vector"),
    "hidden": Option(size, "units of the recurrent layer"),
    "epochs": Option(size, "passes over the training reviews"),
    "batch_size": Option(size, "reviews in a step"),
    "learning_rate": Option(number(0), "of RMSprop"),
    "kernel_stddev": Option(number(0), "standard deviation of the first input weights"),
    "recurrent_gain": Option(number(-1e6, 1e6), "the first recurrent weights are this times the identity"),
    "seed": Option(integer(0), "of initial weights and order"),
}
"""The settings that can be swept over, by their names in `Settings`."""

OPTIONS = {**NUMERIC, "activation": Option(activation, "of the recurrent layer")}


class Reviews(NamedTuple):
    """Word ids, int32 (n, maxlen), and labels, int64 (n,)."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


def load(settings: Settings) -> Reviews:
    """The reviews, padded and cut. Failure or FileNotFoundError without a whole archive."""
    return _load(settings.num_words, settings.maxlen)


# A sweep comes back to the same few.
@lru_cache(maxsize=4)
def _load(num_words: int, maxlen: int) -> Reviews:
    try:
        (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=num_words)
    except ValueError as error:
        raise Failure(str(error)) from error
    return Reviews(pad_sequences(x_train, maxlen=maxlen), y_train, pad_sequences(x_test, maxlen=maxlen), y_test)


def build(settings: Settings) -> rnnfast.Sequential:
    """The model, compiled.

    RMSprop adds epsilon outside the root, as tf.keras did when the exercise was written.
    """
    model = rnnfast.Sequential(
        [
            Embedding(settings.num_words, settings.embedding),
            SimpleRNN(
                settings.hidden,
                activation=settings.activation,
                kernel_initializer=RandomNormal(stddev=settings.kernel_stddev),
                recurrent_initializer=Identity(settings.recurrent_gain),
            ),
            Dense(1, activation="sigmoid"),
        ],
        seed=settings.seed,
        backend=settings.backend,
    )
    optimizer = RMSprop(settings.learning_rate, epsilon_inside=False)
    model.compile(optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    return model


def train(
    model: rnnfast.Sequential, reviews: Reviews, settings: Settings, say: Callable[[str], object] = print
) -> Curves:
    """Fits the model; `say` takes a line an epoch."""
    report = EpochReport((reviews.x_test, reviews.y_test), say=say)
    model.fit(
        reviews.x_train,
        reviews.y_train,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        callbacks=[report],
        verbose=0,
    )
    return report.curves
