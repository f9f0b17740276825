from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.commands import character_model
from rnnfast.commands.character_model import CharacterModel, Corpus, Streams

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 120


def test_corpus() -> None:
    corpus = Corpus(TEXT)
    assert corpus.characters == sorted(set(TEXT))
    ids = np.concatenate([corpus.train, corpus.held_out])
    assert "".join(corpus.characters[number] for number in ids) == TEXT
    assert len(corpus.held_out) == round(len(TEXT) * 0.1)


def test_streams_and_chunks() -> None:
    streams = Streams.of(np.arange(24), 3)
    assert streams.x.tolist() == [list(range(7)), list(range(7, 14)), list(range(14, 21))]
    assert np.array_equal(streams.y, streams.x + 1)
    chunks = list(streams.chunks(3))
    assert [chunk.x.shape[1] for chunk in chunks] == [3, 3, 1]
    assert np.array_equal(np.concatenate([chunk.x for chunk in chunks], axis=1), streams.x)
    assert np.array_equal(np.concatenate([chunk.y for chunk in chunks], axis=1), streams.y)


def test_it_learns_a_text_by_heart() -> None:
    model = CharacterModel(Corpus(TEXT), hidden=48, seed=0)
    before = model.held_out_bits()
    assert before == pytest.approx(math.log2(len(model.corpus.characters)), rel=0.1)
    for _ in range(30):
        bits = list(model.epoch())
    assert len(bits) == model.chunks_per_epoch
    assert bits[-1] < 0.2
    assert model.held_out_bits() < 0.8  # each of its short streams begins in the middle of a word
    passage = model.sample("the cat ", 100, temperature=0.3, seed=1)
    assert passage.startswith("the cat ")
    assert len(passage) == 108
    assert set(passage.split()[:-1]) <= set(TEXT.split())  # the last word may be cut
    assert model.sample("the cat ", 100, temperature=0.3, seed=1) == passage
    assert model.sample("the cat ", 100, temperature=50, seed=1) != passage


def test_evaluation_does_not_touch_the_training() -> None:
    """The same losses, whether or not the held-out text is read between two chunks."""

    def losses(evaluate: bool) -> list[float]:
        model = CharacterModel(Corpus(TEXT), hidden=8, seed=3)
        found = []
        for bits in model.epoch():
            found.append(bits)
            if evaluate:
                model.held_out_bits()
        return found

    assert losses(True) == losses(False)


def test_the_state_goes_from_chunk_to_chunk(monkeypatch) -> None:
    """With a learning rate of 0, where the text is cut into chunks makes no difference."""
    monkeypatch.setattr(character_model, "LEARNING_RATE", 0.0)
    means = []
    for steps in (7, 50):
        monkeypatch.setattr(character_model, "CHUNK", steps)
        model = CharacterModel(Corpus(TEXT), hidden=8, seed=3)
        sizes = [chunk.y.shape[1] for chunk in model._train.chunks(steps)]
        means.append(np.average(list(model.epoch()), weights=sizes))
    assert means[0] == pytest.approx(means[1], rel=1e-5)


def test_the_learning_rate_falls() -> None:
    model = CharacterModel(Corpus(TEXT), hidden=8, seed=0)
    rates = []
    for progress in (0.0, 0.5, 1.0):
        model.anneal(progress)
        rates.append(model.model.optimizer.learning_rate / character_model.LEARNING_RATE)
    assert rates == pytest.approx([1, 0.5, 0.02])
