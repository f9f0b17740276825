"""Scores against their formula, samples against their distribution."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax

from rnnfast import Sequential
from rnnfast.language_model import UNKNOWN, LanguageModel, Settings, Vocabulary
from rnnfast.language_model.model import draw
from rnnfast.layers import Dense, Dropout, Embedding, SimpleRNN, TiedDense

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 4


def model(level="character", **options) -> LanguageModel:
    settings = Settings(level=level, **{"hidden": 12, "embedding": 6, **options})
    return LanguageModel.new(Vocabulary.of(TEXT, level=level), settings)


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, [Embedding, SimpleRNN, Dense]),
        ({"layers": 2, "dropout": 0.1}, [Embedding, SimpleRNN, Dropout, SimpleRNN, Dropout, Dense]),
        ({"tied": True}, [Embedding, SimpleRNN, Dense, TiedDense]),
        ({"tied": True, "embedding": 12}, [Embedding, SimpleRNN, TiedDense]),
    ],
)
def test_the_network(options, kinds) -> None:
    made = model(**options)
    assert [type(layer) for layer in made.network.layers] == kinds
    assert made.network.predict(np.zeros((2, 3), int)).shape == (2, 3, len(made.vocabulary))


@pytest.mark.parametrize("level", ["character", "word"])
def test_perplexity_is_the_inverse_geometric_mean_of_the_probabilities(level: str) -> None:
    made = model(level)
    text = TEXT[:60]  # one stream: read from its beginning, at once
    ids = made.vocabulary.encode(text)
    logits = made.network.predict(ids[None, :-1])[0].astype(np.float64)
    made.network.reset_states()
    chosen = log_softmax(logits, axis=1)[np.arange(len(ids) - 1), ids[1:]]
    score = made.score(text)
    assert score.perplexity == pytest.approx(np.exp(chosen).prod() ** (-1 / len(chosen)), rel=1e-5)
    assert score.perplexity == pytest.approx(stats.gmean(np.exp(-chosen)), rel=1e-5)
    bits = -chosen.sum() / math.log(2) / len(chosen)
    assert score.bits_per_character == pytest.approx(bits * len(ids) / len(text), rel=1e-5)


def test_a_long_text_is_read_in_parts_and_chunks() -> None:
    made = model()
    text = TEXT * 10
    score = made.score(text)
    ids = made.vocabulary.encode(text)
    rows = len(ids) // 64  # streams of at least 64 steps
    steps = (len(ids) - 1) // rows
    logits = made.network.predict(ids[: rows * steps].reshape(rows, steps), batch_size=rows).astype(np.float64)
    targets = ids[1 : rows * steps + 1].reshape(rows, steps)
    expected = -np.take_along_axis(log_softmax(logits, axis=2), targets[..., None], axis=2).mean()
    assert score.nats == pytest.approx(expected, rel=1e-6)


def test_a_model_that_knows_nothing_is_as_unsure_as_the_vocabulary_is_large() -> None:
    made = model()
    made.network.build()
    made.network.set_weights([np.zeros_like(array) for array in made.network.get_weights()])
    assert made.score(TEXT).perplexity == pytest.approx(len(made.vocabulary), rel=1e-6)


@pytest.mark.parametrize("temperature", [0.3, 0.8, 1.0, 2.5])
def test_draws_follow_the_softmax_of_logits_by_temperature(temperature: float) -> None:
    logits = np.array([9.0, 0.0, 1.0, -0.5, 0.7, 0.2], np.float32)
    rng = np.random.default_rng(5)
    drawn = np.bincount([draw(logits, temperature, rng) for _ in range(20_000)], minlength=6)
    assert drawn[0] == 0  # the unknown token, whatever its score
    weights = np.exp(logits[1:].astype(float)) ** (1 / temperature)
    assert stats.chisquare(drawn[1:], 20_000 * weights / weights.sum()).pvalue > 0.01


def test_samples_follow_the_model() -> None:
    """With the recurrence cut, every token is drawn by the same logits: the bias of the last layer."""
    made = model()
    made.network.build()
    weights = [np.zeros_like(array) for array in made.network.get_weights()]
    weights[-1] = np.random.default_rng(3).standard_normal(len(made.vocabulary))
    made.network.set_weights(weights)
    counts = Counter(made.sample(10_000, prompt="t", temperature=0.7, seed=1)[1:])
    expected = np.exp(weights[-1][1:] / 0.7)
    drawn = [counts[token] for token in made.vocabulary.tokens[1:]]
    assert stats.chisquare(drawn, 10_000 * expected / expected.sum()).pvalue > 0.01


def test_a_sample_depends_on_prompt_seed_and_temperature() -> None:
    made = model()
    passage = made.sample(50, prompt="the c", temperature=0.5, seed=1)
    assert passage.startswith("the c")
    assert len(passage) == 55
    assert made.sample(50, prompt="the c", temperature=0.5, seed=1) == passage
    assert made.sample(50, prompt="the c", temperature=0.5, seed=2) != passage
    assert made.sample(50, prompt="the c", temperature=5.0, seed=1) != passage
    assert made.sample(3).startswith(made.vocabulary.tokens[1])
    assert UNKNOWN not in model("word").sample(200, temperature=100)


def test_the_prompt_is_read_before_the_first_draw() -> None:
    made = model()
    logits = made.network.predict(made.vocabulary.encode("the c")[None])[0, -1]
    made.network.reset_states()
    expected = made.vocabulary.tokens[1 + int(logits[1:].argmax())]
    assert made.sample(1, prompt="the c", temperature=1e-9) == "the c" + expected


@pytest.mark.parametrize("use", [lambda made: made.score(TEXT), lambda made: made.sample(5)])
def test_reading_does_not_touch_the_training(use) -> None:
    plain, reading = model(), model()
    for made in (plain, reading):
        made.network.train_on_batch([[1, 2]], [[2, 3]])
    use(reading)
    assert plain.network.train_on_batch([[3, 4]], [[4, 5]]) == reading.network.train_on_batch([[3, 4]], [[4, 5]])


def test_it_comes_back_from_a_file(tmp_path) -> None:
    made = model("word", tied=True)
    made.network.build()
    made.save(tmp_path / "model")
    loaded = LanguageModel.load(tmp_path / "model")
    assert loaded.vocabulary.tokens == made.vocabulary.tokens
    assert loaded.score(TEXT) == made.score(TEXT)
    assert loaded.sample(20) == made.sample(20)
    other = Sequential([Dense(1, input_shape=(2,))])
    other.build()
    other.save(tmp_path / "other")
    with pytest.raises(ValueError, match="path: expected a language model"):
        LanguageModel.load(tmp_path / "other")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda made: made.sample(0), ValueError, "length: expected at least 1"),
        (lambda made: made.sample(1.5), TypeError, "length: expected an integer"),
        (lambda made: made.sample(1, temperature=0), ValueError, "temperature: expected a number above 0"),
        (lambda made: made.sample(1, temperature=-1), ValueError, "temperature: expected"),
        (lambda made: made.sample(1, temperature="hot"), TypeError, "temperature: expected a number"),
        (lambda made: made.sample(1, prompt=""), ValueError, "prompt: expected known tokens, got none"),
        (lambda made: made.sample(1, prompt="that ZZ"), ValueError, r"prompt: expected known tokens, got \['Z', 'Z'\]"),
        (lambda made: made.sample(1, seed=-1), ValueError, "seed: expected at least 0"),
        (lambda made: made.score("t"), ValueError, "text: expected at least 2 tokens"),
    ],
)
def test_wrong(call, error, message: str) -> None:
    with pytest.raises(error, match=message):
        call(model())
