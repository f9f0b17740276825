"""A character language model: which character comes next, learnt by truncated BPTT over parallel streams of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import rnnfast
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.losses import SparseCategoricalCrossentropy
from rnnfast.optimizers import Adam
from rnnfast.typing import Array

STREAMS = 16
"""Parts of the text that are read side by side."""
CHUNK = 64
"""Steps that the gradient reaches back; the state goes on from one chunk to the next."""
EVALUATION_STREAMS, EVALUATION_CHUNK = 32, 256
LEARNING_RATE, CLIP = 3e-3, 1.0
HELD_OUT = 0.1


class Corpus:
    """A text as numbers, the last tenth of it held out.

    Attributes:
        characters: those that occur, sorted; a character's number is its place.
        train, held_out: int32 (n,).
    """

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        ids = self.encode(text)
        cut = round(len(ids) * (1 - HELD_OUT))
        self.train, self.held_out = ids[:cut], ids[cut:]

    def encode(self, text: str) -> Array:
        """Numbers, int32 (n,), of a text of known characters."""
        numbers = {character: number for number, character in enumerate(self.characters)}
        return np.array([numbers[character] for character in text], np.int32)


class Streams(NamedTuple):
    """Input and target characters, (B, n): row by row consecutive parts of a text, the targets one step ahead."""

    x: Array
    y: Array

    @classmethod
    def of(cls, ids: Array, count: int) -> Streams:
        """A text cut into `count` streams; what is left over is dropped."""
        steps = (len(ids) - 1) // count
        return cls(ids[: count * steps].reshape(count, steps), ids[1 : count * steps + 1].reshape(count, steps))

    def chunks(self, steps: int) -> Iterator[Streams]:
        """From left to right; the last may be shorter."""
        for start in range(0, self.x.shape[1], steps):
            yield Streams(self.x[:, start : start + steps], self.y[:, start : start + steps])


class CharacterModel:
    """Embedding, a stateful SimpleRNN, and at every step a Dense over the next character.

    Args:
        corpus: what to learn.
        hidden: units of the recurrent layer.
        seed: of the initial weights.
    """

    def __init__(self, corpus: Corpus, *, hidden: int, seed: int) -> None:
        self.corpus = corpus
        size = len(corpus.characters)
        self._rnn = SimpleRNN(hidden, return_sequences=True, stateful=True)
        self.model = rnnfast.Sequential(
            [Embedding(size, min(size, 64)), self._rnn, Dense(size, activation="softmax")], seed=seed
        )
        self._optimizer = Adam(LEARNING_RATE, global_clipnorm=CLIP)
        self.model.compile(self._optimizer, SparseCategoricalCrossentropy())
        self._train = Streams.of(corpus.train, STREAMS)
        self._held_out = Streams.of(corpus.held_out, EVALUATION_STREAMS)

    @property
    def chunks_per_epoch(self) -> int:
        """Training steps in one pass over the text."""
        return math.ceil(int(self._train.x.shape[1]) / CHUNK)

    @property
    def characters_per_epoch(self) -> int:
        """Characters that one pass learns to predict."""
        return int(self._train.y.size)

    def epoch(self) -> Iterator[float]:
        """One pass over the training text, a step each time; yields the bits per character of the chunk before it."""
        self.model.reset_states()
        for x, y in self._train.chunks(CHUNK):
            yield float(self.model.train_on_batch(x, y)) / math.log(2)

    def anneal(self, progress: float) -> None:
        """Lowers the learning rate, in a straight line to a fiftieth, as progress goes from 0 to 1."""
        self._optimizer.learning_rate = LEARNING_RATE * max(0.02, 1 - progress)

    def held_out_bits(self) -> float:
        """Bits per character of the held-out text; training goes on from the state that it had."""
        state = self._rnn.state
        self.model.reset_states()
        nats = 0.0
        for x, y in self._held_out.chunks(EVALUATION_CHUNK):
            nats += self.model.test_on_batch(x, y) * y.size
        self._rnn.state = state
        return nats / self._held_out.y.size / math.log(2)

    def sample(self, start: str, length: int, *, temperature: float, seed: int) -> str:
        """`start` and `length` more characters, each drawn from what the model expects after those before it.

        Args:
            start: at least one character, of the corpus.
            length: number of characters to draw.
            temperature: above 0; below 1 likely characters become likelier.
            seed: of the draws.
        """
        rng = np.random.default_rng(seed)
        self.model.reset_states()
        expected = self.model.predict_on_batch(self.corpus.encode(start)[None])[0, -1]
        drawn = []
        for _ in range(length):
            scores = np.log(np.maximum(expected.astype(np.float64), 1e-300)) / temperature
            weights = np.exp(scores - scores.max())
            drawn.append(int(rng.choice(len(weights), p=weights / weights.sum())))
            expected = self.model.predict_on_batch(np.array([[drawn[-1]]], np.int32))[0, -1]
        self.model.reset_states()
        return start + "".join(self.corpus.characters[number] for number in drawn)
