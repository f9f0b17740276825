"""A model on the GPU against the same model on the CPU: optimizers, losses, metrics, layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gpu_models import Layers, compare

from rnnfast import constraints, losses, metrics, optimizers, regularizers
from rnnfast.layers import (
    ActivityRegularization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Masking,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)
from rnnfast.optimizers import SGD, Adagrad, Adam, AdamW, Nadam, Optimizer, RMSprop
from rnnfast.schedules import ExponentialDecay

pytestmark = pytest.mark.usefixtures("cupy")

WORDS, STEPS, BATCH, UNITS, CLASSES = 23, 5, 6, 4, 3


def words(number: int, seed: int = 0) -> list[np.ndarray]:
    """Batches of words, of which each has some that the last one had not; 0 is padding behind them."""
    rng = np.random.default_rng(seed)
    batches = rng.integers(1, WORDS, (number, BATCH, STEPS))
    lengths = rng.integers(1, STEPS + 1, (number, BATCH, 1))
    return list(np.where(np.arange(STEPS) < lengths, batches, 0))


def labelled(number: int, classes: int = 2, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed + 1)
    return [(x, rng.integers(0, classes, BATCH)) for x in words(number, seed)]


def sequences(number: int, features: int = 3, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches of numbers, with some masked steps, and a class."""
    rng = np.random.default_rng(seed)
    return [
        (
            rng.standard_normal((BATCH, STEPS, features)) * (rng.random((BATCH, STEPS, 1)) < 0.8),
            rng.integers(0, CLASSES, BATCH),
        )
        for _ in range(number)
    ]


def imdb() -> list[Layer]:
    return [Embedding(WORDS, 4), SimpleRNN(UNITS, activation="relu"), Dense(1, activation="sigmoid")]


def sms() -> list[Layer]:
    return [
        Embedding(WORDS, 4, mask_zero=True),
        SimpleRNN(UNITS, output_dropout=0.2),
        Dense(CLASSES, activation="softmax"),
    ]


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_the_classic_exercises_in_float32(optimizer: str) -> None:
    compare(imdb, labelled(10), optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"], dtype="float32")
    compare(
        sms,
        labelled(10, CLASSES),
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        dtype="float32",
    )


OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "SGD": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "Nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda: RMSprop(0.01),
    "RMSprop of TensorFlow 1": lambda: RMSprop(0.01, rho=0.9, epsilon=1e-10, initial_accumulator=1.0),
    "RMSprop with all": lambda: RMSprop(0.01, momentum=0.5, centered=True, epsilon_inside=False, epsilon=1e-3),
    "RMSprop without memory": lambda: RMSprop(0.01, rho=0.0, momentum=0.3),
    "Adagrad": lambda: Adagrad(0.1),
    "Adam": lambda: Adam(0.01),
    "AdamW": lambda: AdamW(0.01),
    "Nadam": lambda: Nadam(0.01),
    "clipvalue": lambda: RMSprop(0.01, clipvalue=0.01),
    "clipnorm": lambda: SGD(0.1, clipnorm=0.05),
    "global_clipnorm": lambda: Adagrad(0.1, global_clipnorm=0.1),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers(optimizer: Callable[[], Optimizer]) -> None:
    compare(sms, labelled(12, CLASSES), optimizer=optimizer, loss="sparse_categorical_crossentropy")


def test_a_schedule() -> None:
    compare(
        imdb,
        labelled(4),
        optimizer=lambda: RMSprop(ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)),
        loss="binary_crossentropy",
    )


def one_hot(batches: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[Any, ...]]:
    return [(x, np.eye(CLASSES)[y]) for x, y in batches]


def head(units: int, activation: str) -> Layers:
    return lambda: [Embedding(WORDS, 4), SimpleRNN(UNITS), Dense(units, activation)]


@pytest.mark.parametrize(
    ("loss", "units", "activation", "batches"),
    [
        (losses.BinaryCrossentropy, 1, "linear", labelled(3)),
        (lambda: losses.BinaryCrossentropy(from_logits=True), 1, "linear", labelled(3)),
        (losses.CategoricalCrossentropy, CLASSES, "softmax", one_hot(labelled(3, CLASSES))),
        (losses.CategoricalCrossentropy, CLASSES, "sigmoid", one_hot(labelled(3, CLASSES))),
        (losses.SparseCategoricalCrossentropy, CLASSES, "sigmoid", labelled(3, CLASSES)),
        (losses.MeanSquaredError, 1, "tanh", labelled(3)),
    ],
    ids=["probabilities", "logits", "softmax", "categorical", "sparse", "mse"],
)
def test_losses(loss: Any, units: int, activation: str, batches: list[Any]) -> None:
    rng = np.random.default_rng(0)
    names = [] if units == 1 else ["accuracy", metrics.TopKCategoricalAccuracy(2)]
    compare(head(units, activation), batches, optimizer="sgd", loss=loss, metrics=lambda: names)
    weighted = [(*batch, rng.random(BATCH)) for batch in batches]
    compare(head(units, activation), weighted, optimizer="sgd", loss=loss)


@pytest.mark.parametrize("steps", ["mean", "sum"])
def test_a_loss_over_every_step_under_a_mask(steps: str) -> None:
    def layers() -> list[Layer]:
        return [
            Embedding(WORDS, 4, mask_zero=True),
            SimpleRNN(4, return_sequences=True, go_backwards=True),
            Dropout(0.3),
            TiedDense(activation="softmax"),
        ]

    rng = np.random.default_rng(0)
    batches = [(x, np.roll(x, -1, axis=1), rng.random((BATCH, STEPS))) for x in words(4)]
    compare(
        layers,
        batches,
        optimizer="rmsprop",
        loss=lambda: losses.SparseCategoricalCrossentropy(steps=steps),
        metrics=lambda: ["perplexity", "accuracy", metrics.TopKCategoricalAccuracy(3)],
        weighted_metrics=lambda: ["perplexity", "accuracy"],
    )


def test_metrics_of_yes_and_no() -> None:
    def mean_output(targets: Any, output: Any) -> Any:
        return (output * targets).mean()

    names = ["accuracy", "precision", "recall", "auc", "mse"]
    batches = [(*batch, np.linspace(0, 1, BATCH)) for batch in labelled(3)]
    compare(
        imdb,
        batches,
        optimizer="sgd",
        loss="binary_crossentropy",
        metrics=lambda: [*names, mean_output],
        weighted_metrics=lambda: names,
    )


def regularized() -> list[Layer]:
    l1, l2 = regularizers.L1L2(0.01, 0.02), regularizers.L2(0.1)
    return [
        Embedding(WORDS, 4, embeddings_regularizer=l1, embeddings_constraint=constraints.MaxNorm(0.1, axis=1)),
        SimpleRNN(
            UNITS,
            kernel_regularizer=l2,
            recurrent_regularizer=regularizers.OrthogonalRegularizer(),
            kernel_constraint=constraints.UnitNorm(),
            activity_regularizer=l1,
        ),
        ActivityRegularization(0.1, 0.2),
        Dense(CLASSES, activation="softmax", kernel_constraint=constraints.NonNeg(), bias_regularizer=l2),
    ]


LAYERS: dict[str, Layers] = {
    "masked": lambda: [Masking(), SimpleRNN(UNITS, zero_output_for_mask=True)],
    "two layers": lambda: [
        Masking(),
        SimpleRNN(UNITS, dropout=0.3, return_sequences=True),
        SimpleRNN(2, go_backwards=True, use_bias=False),
    ],
    "options": lambda: [SimpleRNN(UNITS, activation="sigmoid", clip=1.0, drop_connect=0.2, bptt_steps=2)],
    "stateful": lambda: [SimpleRNN(UNITS, stateful=True, return_sequences=True), SimpleRNN(2, stateful=True)],
    "concatenated": lambda: [
        Masking(),
        Bidirectional(SimpleRNN(2, return_sequences=True)),
        Bidirectional(SimpleRNN(2, output_dropout=0.1), merge_mode="mul"),
    ],
    "summed": lambda: [Bidirectional(SimpleRNN(2), merge_mode="ave"), Dropout(0.5)],
    "of each step": lambda: [
        TimeDistributed(Dense(3, activation="elu")),
        Dense(3, activation="softsign"),
        SimpleRNN(2, activation="hard_tanh"),
    ],
    "activations": lambda: [
        *(Dense(3, name) for name in ("selu", "softplus", "leaky_relu", "hard_sigmoid", "scaled_tanh")),
        SimpleRNN(2, activation="affine"),
    ],
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_layers(layers: Layers) -> None:
    def whole() -> list[Layer]:
        return [*layers(), Dense(CLASSES, activation="softmax")]

    compare(whole, sequences(4), optimizer="rmsprop", loss="sparse_categorical_crossentropy")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_regularizers_and_constraints(optimizer: str) -> None:
    compare(regularized, labelled(3, CLASSES), optimizer=optimizer, loss="sparse_categorical_crossentropy")


def test_every_optimizer_is_compared_here() -> None:
    assert {type(make()) for make in OPTIMIZERS.values()} == {type(make()) for make in optimizers.KNOWN.values()}
