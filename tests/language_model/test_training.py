from __future__ import annotations

import math

import numpy as np
import pytest

from rnnfast.language_model import LanguageModel, Settings, Training
from rnnfast.language_model.training import LOWEST_RATE

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 120
SMALL = {"hidden": 8, "embedding": 5, "streams": 4, "bptt_steps": 50}


def test_it_learns_a_text_by_heart() -> None:
    training = Training(TEXT, Settings(hidden=48, epochs=30))
    assert training.held_out().bits_per_character == pytest.approx(math.log2(len(training.model.vocabulary)), rel=0.1)
    while not training.finished:
        score = training.step()
    assert score.bits_per_character < 0.2
    assert training.held_out().bits_per_character < 0.8  # each of its short parts begins in the middle of a word
    passage = training.model.sample(100, prompt="the cat ", temperature=0.3, seed=1)
    assert set(passage.split()[:-1]) <= set(TEXT.split())  # the last word may be cut


def test_words() -> None:
    training = Training(TEXT, Settings(level="word", vocabulary=8, hidden=32, embedding=32, tied=True, epochs=50))
    assert len(training.model.vocabulary) == 8
    before = training.held_out().perplexity
    while not training.finished:
        training.step()
    assert before > 6
    assert training.held_out().perplexity < 2
    assert " sat on the" in training.model.sample(50, temperature=0.5)


def test_the_state_goes_from_chunk_to_chunk() -> None:
    """With a learning rate of 0, where the text is cut into chunks makes no difference."""
    means = []
    for steps in (7, 50):
        training = Training(TEXT, Settings(**{**SMALL, "bptt_steps": steps}, learning_rate=0.0, epochs=1))
        sizes = [chunk.y.size for chunk in training._streams.chunks(steps)]
        assert len(sizes) == training.steps_per_epoch
        assert sum(sizes) == training.tokens_per_epoch
        means.append(np.average([training.step().nats for _ in sizes], weights=sizes))
        assert training.finished
    assert means[0] == pytest.approx(means[1], rel=1e-5)


def test_an_epoch_begins_with_no_state() -> None:
    training = Training(TEXT, Settings(**SMALL, learning_rate=0.0, epochs=2))
    scores = [training.step() for _ in range(2 * training.steps_per_epoch)]
    assert scores[: training.steps_per_epoch] == scores[training.steps_per_epoch :]


def test_the_learning_rate_falls() -> None:
    training = Training(TEXT, Settings(**SMALL, learning_rate=0.5, epochs=2))
    rates = []
    for progress in (0.0, 0.5, 1.0, None):
        training.step(progress)
        rates.append(training.model.network.optimizer.learning_rate / 0.5)
    assert rates == pytest.approx([1, 0.5, LOWEST_RATE, 1 - 3 / (2 * training.steps_per_epoch)])


OPTIONS = [{}, {"dropout": 0.3, "layers": 2}, {"tied": True}, {"level": "word", "vocabulary": 6, "dropout": 0.1}]


@pytest.mark.parametrize("options", OPTIONS)
def test_a_training_that_was_stopped_goes_on_to_the_same_bits(options, tmp_path) -> None:
    """Stopped in the middle of an epoch, and at its end."""
    settings = Settings(**{**SMALL, "bptt_steps": 16, **options}, epochs=2)
    whole = Training(TEXT, settings)
    assert whole.steps_per_epoch > 4
    while not whole.finished:
        whole.step()
    stops = (3, whole.steps_per_epoch, whole.steps_per_epoch + 1)
    stopped = Training(TEXT, settings)
    while not stopped.finished:
        stopped.step()
        if stopped.steps in stops:
            stopped.held_out()
            stopped.save(tmp_path / "model")
            stopped = Training.resume(tmp_path / "model", TEXT)
            assert stopped.settings == settings
    for first, second in zip(whole.model.network.get_weights(), stopped.model.network.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert whole.held_out() == stopped.held_out()


def test_more_epochs_than_were_in_view(tmp_path) -> None:
    training = Training(TEXT, Settings(**SMALL, epochs=1))
    while not training.finished:
        training.step()
    training.save(tmp_path / "model")
    longer = Training.resume(tmp_path / "model", TEXT, epochs=4)
    assert longer.progress == pytest.approx(1 / 4)
    assert Training.resume(tmp_path / "model", TEXT).finished


def test_the_held_out_part_is_the_end() -> None:
    training = Training(TEXT, Settings(**SMALL, held_out=0.25))
    assert training.train_text + training.held_out_text == TEXT
    assert len(training.held_out_text) == len(TEXT) // 4
    with pytest.raises(ValueError, match="text: expected at least 2"):
        Training(TEXT, Settings(**SMALL, held_out=0.0)).held_out()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"level": "syllable"}, ValueError, "level: expected one of character, word"),
        *[
            ({name: 0}, ValueError, f"{name}: expected at least 1")
            for name in ("hidden", "embedding", "layers", "epochs")
        ],
        *[({name: 1.5}, TypeError, f"{name}: expected an integer") for name in ("streams", "bptt_steps")],
        ({"tied": 1}, TypeError, "tied: expected a bool"),
        ({"dropout": 1.0}, ValueError, "dropout: expected"),
        ({"learning_rate": -1}, ValueError, "learning_rate: expected"),
        ({"clipnorm": math.nan}, ValueError, "clipnorm: expected"),
        ({"held_out": 1.0}, ValueError, "held_out: expected"),
        ({"seed": -1}, ValueError, "seed: expected at least 0"),
        ({"vocabulary": 1}, ValueError, "size: expected at least 2"),
        ({"backend": "abacus"}, ValueError, "backend: expected one of"),
        ({"streams": 10_000}, ValueError, "text: expected at least 10001 tokens"),
        ({"held_out": 1e-4}, ValueError, "text: expected at least 2 tokens"),
    ],
)
def test_wrong_settings(options, error, message: str) -> None:
    with pytest.raises(error, match=message):
        Training(TEXT, Settings(**{**SMALL, **options}))


def test_a_checkpoint_that_does_not_fit(tmp_path) -> None:
    training = Training(TEXT, Settings(**SMALL))
    training.model.network.build()
    training.save(tmp_path / "training")
    with pytest.raises(ValueError, match="text: expected the one that"):
        Training.resume(tmp_path / "training", TEXT.replace("mat", "hat"))
    LanguageModel.load(tmp_path / "training").save(tmp_path / "model")
    with pytest.raises(ValueError, match="expected the checkpoint of a training"):
        Training.resume(tmp_path / "model", TEXT)
