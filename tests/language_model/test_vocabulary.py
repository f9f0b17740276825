from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnfast.language_model import UNKNOWN, Vocabulary
from rnnfast.language_model.vocabulary import LEVELS

TEXT = "the cat sat on the mat,\nand the rat didn't."


def test_characters_are_ranked_by_how_often_they_occur() -> None:
    vocabulary = Vocabulary.of(TEXT)
    assert vocabulary.tokens[:3] == [UNKNOWN, "t", " "]
    assert sorted(vocabulary.tokens[1:]) == sorted(set(TEXT))
    assert len(vocabulary) == len(set(TEXT)) + 1


def test_words_have_the_space_before_them() -> None:
    vocabulary = Vocabulary.of(TEXT, level="word")
    assert vocabulary.tokens[:2] == [UNKNOWN, " the"]
    assert set(vocabulary.tokens[2:]) == {
        *("the", " cat", " sat", " on", " mat", ",", "\n", "and", " rat", " didn't", "."),
    }


@pytest.mark.parametrize("level", LEVELS)
@given(text=st.text(min_size=1))
def test_a_text_comes_back_from_its_numbers(level: str, text: str) -> None:
    vocabulary = Vocabulary.of(text, level=level)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert ids.dtype == np.int32
    assert ids.min() >= 1
    assert ids.max() == len(vocabulary) - 1
    assert vocabulary.unknown(text) == []


def test_what_is_not_known_has_the_number_0() -> None:
    vocabulary = Vocabulary.of(TEXT, level="word", size=3)
    assert vocabulary.tokens == [UNKNOWN, " the", "the"]
    assert vocabulary.encode("the dog the").tolist() == [2, 0, 1]
    assert vocabulary.unknown("the dog the") == [" dog"]
    assert vocabulary.decode([2, 0]) == "the<unk>"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Vocabulary.of("", level="word"), ValueError, "text: expected at least one character"),
        (
            lambda: Vocabulary.of(TEXT, level="letter"),
            ValueError,
            "level: expected one of character, word, got 'letter'",
        ),
        (lambda: Vocabulary.of(TEXT, size=1), ValueError, "size: expected at least 2, got 1"),
        (lambda: Vocabulary.of(TEXT, size=2.5), TypeError, "size: expected an integer, got 2.5"),
        (lambda: Vocabulary("word", ["a"]), ValueError, "tokens: expected '<unk>'"),
        (lambda: Vocabulary("word", [UNKNOWN]), ValueError, "tokens: expected"),
        (lambda: Vocabulary("word", [UNKNOWN, "a", "a"]), ValueError, "none of them twice"),
    ],
)
def test_wrong(make, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make()
