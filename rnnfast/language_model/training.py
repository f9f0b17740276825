"""Training a language model by truncated BPTT, in a way that can stop after any step and go on."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from rnnfast.language_model.model import LanguageModel, Score
from rnnfast.language_model.settings import Settings
from rnnfast.language_model.streams import Streams
from rnnfast.language_model.vocabulary import Vocabulary

LOWEST_RATE = 0.02
"""What is left of the learning rate in the end."""


class Training:
    """Truncated BPTT over parallel streams of a text, a chunk of steps at a time.

    How far it is, is known from the steps that the optimizer counts: nothing else needs to be kept.

    Args:
        text: to learn; its end is held out.
        settings: see Settings.
        model: to go on with; by default a new one, with the vocabulary of the part that is learnt.

    Raises:
        ValueError: a text too short for the settings.

    Attributes:
        model: the LanguageModel.
        train_text, held_out_text: the two parts of the text.
    """

    def __init__(self, text: str, settings: Settings, model: LanguageModel | None = None) -> None:
        self.settings = settings
        cut = round(len(text) * (1 - settings.held_out))
        self.train_text, self.held_out_text = text[:cut], text[cut:]
        if model is None:
            vocabulary = Vocabulary.of(self.train_text, level=settings.level, size=settings.vocabulary)
            model = LanguageModel.new(vocabulary, settings)
        self.model = model
        ids = model.vocabulary.encode(self.train_text)
        self._characters_per_token = len(self.train_text) / max(1, len(ids))
        self._streams = Streams.of(ids, settings.streams)
        if settings.held_out:
            Streams.of(model.vocabulary.encode(self.held_out_text), 1)  # raises where there is nothing to predict
        self.steps_per_epoch = self._streams.count_chunks(settings.bptt_steps)
        self.tokens_per_epoch = int(self._streams.y.size)

    @property
    def steps(self) -> int:
        """Those that are done."""
        return self.model.network.optimizer.iterations

    @property
    def progress(self) -> float:
        """The part of all steps that is done, 0..1."""
        return min(1.0, self.steps / (self.settings.epochs * self.steps_per_epoch))

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.progress == 1

    def step(self, progress: float | None = None) -> Score:
        """Learns the next chunk, and returns how well it was expected before.

        Args:
            progress: 0..1, on which the learning rate depends; by default the part of all steps that is done.
        """
        number = self.steps % self.steps_per_epoch
        if number == 0:
            self.model.network.reset_states()
        rate = self.settings.learning_rate
        self.model.network.optimizer.learning_rate = rate * max(
            LOWEST_RATE, 1 - (self.progress if progress is None else progress)
        )
        nats = self.model.network.train_on_batch(*self._streams.chunk(number, self.settings.bptt_steps))
        return Score(nats, self._characters_per_token)

    def held_out(self) -> Score:
        """How well the held-out part is expected; the training is not touched.

        Raises:
            ValueError: fewer than two tokens are held out.
        """
        return self.model.score(self.held_out_text)

    def save(self, path: str | Path) -> None:
        """Writes a checkpoint, which `resume` and `LanguageModel.load` read; see `Sequential.save`."""
        self.model.save(path, {"settings": self.settings.get_config(), "text": self._mark(self.train_text)})

    @classmethod
    def resume(cls, path: str | Path, text: str, *, epochs: int | None = None) -> Training:
        """The training that `save` wrote, on the same text: it goes on to the same bits as if it had never stopped.

        Args:
            path: the checkpoint.
            text: what was learnt.
            epochs: passes over the text in all; by default as many as it had in view. With another number the
                learning rate falls in another way.

        Raises:
            ValueError: another file, a damaged one, or another text. ImportError, OSError: see `load_model`.
        """
        model, notes = LanguageModel.load_with_notes(path)
        if "settings" not in notes:
            raise ValueError(f"path: expected the checkpoint of a training, got {path}, a model without its settings")
        settings = Settings.from_config(notes["settings"])
        training = cls(text, settings if epochs is None else replace(settings, epochs=epochs), model)
        if cls._mark(training.train_text) != notes["text"]:
            raise ValueError(f"text: expected the one that {path} was trained on, got another")
        return training

    @staticmethod
    def _mark(text: str) -> str:
        return f"{len(text)} characters, crc32 {zlib.crc32(text.encode()):08x}"
