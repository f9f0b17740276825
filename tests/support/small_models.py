"""Small models of either kind, and data for them."""

import numpy as np

from rnnfast import Sequential
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.losses import SparseCategoricalCrossentropy
from rnnfast.optimizers import Adam

rng = np.random.default_rng(0)
ids = rng.integers(0, 30, (50, 6))
labels = (ids[:, -1] > 14).astype(int)


def sentiment(seed=0, optimizer="rmsprop", dtype="float32", metrics=("accuracy",), words=30, **options):
    model = Sequential(
        [Embedding(words, 5), SimpleRNN(4, activation="relu", **options), Dense(1, activation="sigmoid")],
        seed=seed,
        dtype=dtype,
    )
    model.compile(optimizer, "binary_crossentropy", metrics)
    return model


def language_model(seed=0, **options):
    model = Sequential(
        [Embedding(11, 5), SimpleRNN(8, return_sequences=True, stateful=True), Dense(11)], seed=seed, **options
    )
    model.compile(Adam(0.01), SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    return model
