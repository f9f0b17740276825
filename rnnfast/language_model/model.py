"""A language model: a network that gives a score to every token of a vocabulary, at every step of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnfast import checkpoint
from rnnfast.activations import softmax
from rnnfast.arguments import check_number, check_seed
from rnnfast.configuration import NOTHING
from rnnfast.language_model.settings import Settings
from rnnfast.language_model.streams import Streams
from rnnfast.language_model.vocabulary import Vocabulary
from rnnfast.layers import Dense, Dropout, Embedding, Layer, SimpleRNN, TiedDense
from rnnfast.losses import SparseCategoricalCrossentropy
from rnnfast.model import Sequential
from rnnfast.optimizers import Adam
from rnnfast.problem import check_size
from rnnfast.typing import Array

EVALUATION_STREAMS, EVALUATION_STEPS = 32, 64


class Score(NamedTuple):
    """How well a model expects a text.

    Attributes:
        nats: mean of -log p(token | the tokens before it).
        characters_per_token: mean length of the tokens in the text.
    """

    nats: float
    characters_per_token: float

    @property
    def perplexity(self) -> float:
        """exp(nats): as unsure as a choice among so many tokens that are all as likely."""
        return math.exp(self.nats)

    @property
    def bits_per_character(self) -> float:
        """What a code made of the model's probabilities needs, without what it takes to spell unknown tokens."""
        return self.nats / math.log(2) / self.characters_per_token


class LanguageModel:
    """A vocabulary, and the network that reads it.

    Args:
        vocabulary: the tokens.
        network: maps token numbers (B, T) to logits (B, T, V), is compiled, and keeps its state between batches.
    """

    def __init__(self, vocabulary: Vocabulary, network: Sequential) -> None:
        self.vocabulary, self.network = vocabulary, network

    @classmethod
    def new(cls, vocabulary: Vocabulary, settings: Settings) -> LanguageModel:
        """Embedding, stateful SimpleRNN layers, and at every step a Dense over the next token; trained by Adam."""
        layers: list[Layer] = [Embedding(len(vocabulary), settings.embedding)]
        for _ in range(settings.layers):
            layers.append(SimpleRNN(settings.hidden, return_sequences=True, stateful=True))
            if settings.dropout:
                layers.append(Dropout(settings.dropout))
        if settings.tied and settings.hidden != settings.embedding:
            layers.append(Dense(settings.embedding, use_bias=False))
        layers.append(TiedDense() if settings.tied else Dense(len(vocabulary)))
        network = Sequential(layers, seed=settings.seed, backend=settings.backend, name="language_model")
        optimizer = Adam(settings.learning_rate, global_clipnorm=settings.clipnorm)
        network.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True))
        return cls(vocabulary, network)

    def score(self, text: str) -> Score:
        """How well a text is expected; it is cut into parts, each read from its beginning.

        Raises:
            ValueError: fewer than two tokens.
        """
        ids = self.vocabulary.encode(text)
        streams = Streams.of(ids, max(1, min(EVALUATION_STREAMS, (len(ids) - 1) // EVALUATION_STEPS)))
        nats = 0.0
        with self._fresh_states():
            for x, y in streams.chunks(EVALUATION_STEPS):
                nats += self.network.test_on_batch(x, y) * y.size
        return Score(nats / streams.y.size, len(text) / len(ids))

    def sample(self, length: int, *, prompt: str | None = None, temperature: float = 1.0, seed: int = 0) -> str:
        """`prompt` and `length` more tokens, each drawn from what the model expects after those before it.

        Args:
            length: number of tokens to draw.
            prompt: at least one token, all of them known; by default the most frequent token.
            temperature: above 0: a token is drawn with a probability in proportion to p^(1 / temperature).
            seed: of the draws.

        Raises:
            ValueError, TypeError: an argument out of range, or a prompt of unknown tokens.
        """
        check_size("length", length)
        if check_number("temperature", temperature, low=0) == 0:
            raise ValueError("temperature: expected a number above 0, got 0")
        prompt = self.vocabulary.tokens[1] if prompt is None else prompt
        if not prompt or (unknown := self.vocabulary.unknown(prompt)):
            raise ValueError(f"prompt: expected known tokens, got {unknown if prompt else 'none'}")
        rng = np.random.default_rng(check_seed(seed))
        ids = [self.vocabulary.encode(prompt)]
        with self._fresh_states():
            for _ in range(length):
                logits = self.network.predict_on_batch(ids[-1][None])[0, -1]
                ids.append(np.array([draw(logits, temperature, rng)], np.int32))
        return self.vocabulary.decode(np.concatenate(ids))

    def save(self, path: str | Path, notes: Mapping[str, Any] = NOTHING) -> None:
        """As `Sequential.save`, with the vocabulary, and with `notes` of what JSON can hold."""
        checkpoint.save(self.network, path, {"vocabulary": self.vocabulary.get_config(), **notes})

    @classmethod
    def load(cls, path: str | Path) -> LanguageModel:
        """What `save` wrote; raises as `rnnfast.load_model` does, and ValueError for another model."""
        return cls.load_with_notes(path)[0]

    @classmethod
    def load_with_notes(cls, path: str | Path) -> tuple[LanguageModel, dict[str, Any]]:
        """What `save` wrote, and its notes."""
        network, notes = checkpoint.load(path)
        if "vocabulary" not in notes:
            raise ValueError(f"path: expected a language model, got {path}, a model without a vocabulary")
        return cls(Vocabulary.from_config(notes.pop("vocabulary")), network), notes

    @contextmanager
    def _fresh_states(self) -> Iterator[None]:
        """Reads from the beginning; what was being read before goes on afterwards."""
        states = self.network.get_states()
        self.network.reset_states()
        try:
            yield
        finally:
            self.network.set_states(states)


def draw(logits: Array, temperature: float, rng: np.random.Generator) -> int:
    """A number 0..V-1 drawn by softmax(logits / temperature), `UNKNOWN` excepted; logits (V,)."""
    scaled = logits.astype(np.float64) / temperature
    scaled[0] = -math.inf
    return int(rng.choice(len(scaled), p=softmax(scaled)))
