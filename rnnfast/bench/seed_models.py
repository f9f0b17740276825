"""The two classic exercises as cases: a whole training step, and an epoch of them, on made-up data of their sizes.

    Embedding(words, I) -> SimpleRNN(H) -> Dense(outputs), RMSprop

Dropout is left out, so that every contender computes the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnnfast import reference
from rnnfast.bench.cases import Case
from rnnfast.typing import Array

STEP, EPOCH = "step", "epoch"
RHO, EPSILON = 0.9, 1e-7
WEIGHTS = ("embedding", "w_ih", "w_hh", "b", "w_out", "b_out")
"""Shapes: (words, I), (H, I), (H, H), (H,), (H, outputs), (outputs,)."""


@dataclass(frozen=True)
class SeedModel(Case):
    """Sizes of a model and its data. With one output the loss is the sigmoid's cross-entropy, else the softmax's."""

    words: int = 1000
    outputs: int = 1
    examples: int = 1000
    learning_rate: float = 1e-3

    kind: ClassVar[str] = "model"
    passes: ClassVar[tuple[str, ...]] = (STEP, EPOCH)

    def arrays(self, seed: int = 0) -> dict[str, Array]:
        """The first weights by the names in WEIGHTS; words (examples, T) int32, labels (examples,) int32."""
        rng = np.random.default_rng(seed)
        i, h = self.input_size, self.hidden_size
        shapes = ((self.words, i), (h, i), (h, h), (h,), (h, self.outputs), (self.outputs,))
        weights = {
            name: rng.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in zip(WEIGHTS, shapes, strict=True)
        }
        return {
            **weights,
            "words": rng.integers(0, self.words, (self.examples, self.seq_len)).astype(np.int32),
            "labels": rng.integers(0, max(2, self.outputs), self.examples).astype(np.int32),
        }

    def expected(self, arrays: Mapping[str, Array]) -> dict[str, tuple[Array, ...]]:
        """By how much the first step moves each of the weights, in float64. An epoch repeats that step."""
        embedding, w_ih, w_hh, b, w_out, b_out = (arrays[name].astype(np.float64) for name in WEIGHTS)
        words, labels = arrays["words"][: self.batch], arrays["labels"][: self.batch]
        x = embedding[words.T]
        y, state = reference.rnn_forward(x, w_ih, w_hh, b, activation=self.activation)
        d_logits = _d_logits(state @ w_out + b_out, labels)
        dh_n = d_logits @ w_out.T
        grads = reference.rnn_backward(np.zeros_like(y), x, y, w_ih, w_hh, dh_n=dh_n, activation=self.activation)
        d_embedding = np.zeros_like(embedding)
        np.add.at(d_embedding, words.T, grads.dx)
        gradients = (d_embedding, grads.dw_ih, grads.dw_hh, grads.db, state.T @ d_logits, d_logits.sum(axis=0))
        return {STEP: tuple(self._rmsprop(gradient) for gradient in gradients)}

    def _rmsprop(self, gradient: Array) -> Array:
        """The first step of RMSprop as Keras defines it: the mean square starts at 0, epsilon stands in the root."""
        scale: Array = np.sqrt((1 - RHO) * gradient**2 + EPSILON)
        update: Array = -self.learning_rate * gradient / scale
        return update


def _d_logits(logits: Array, labels: Array) -> Array:
    """The gradient of the mean cross-entropy by the logits (B, outputs)."""
    if logits.shape[1] == 1:
        return (1 / (1 + np.exp(-logits)) - labels[:, None]) / len(labels)
    shares: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    return shares / len(labels)


IMDB = SeedModel(32, 30, 50, 5, "relu", "the IMDB seed", words=20_000, examples=25_000, learning_rate=1e-4)
SMS = SeedModel(250, 25, 50, 10, "tanh", "the SMS seed", words=9_000, outputs=2, examples=4_457, learning_rate=5e-4)
