"""Tokenizer, pad_sequences and clean_text, against implementations that are slow and obvious."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnfast.text import DEFAULT_FILTERS, Tokenizer, clean_text, pad_sequences, text_to_word_sequence

# Few letters, so that words come again; capitals, separators, and letters whose lower-case is two characters.
TEXTS = st.lists(st.text(alphabet="abAB' .,-_\t\n\u00a0éÉİ0", max_size=30), max_size=8)
SEQUENCES = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=7), min_size=1, max_size=6)


def obvious_words(text: str, filters: str = DEFAULT_FILTERS) -> list[str]:
    words = [""]
    for character in text.lower():
        if character == " " or character in filters:
            words.append("")
        else:
            words[-1] += character
    return [word for word in words if word]


def obvious_word_index(texts: list[str], first_id: int = 1) -> dict[str, int]:
    words = [word for text in texts for word in obvious_words(text)]
    ranked = sorted(set(words), key=lambda word: (-words.count(word), words.index(word)))
    return {word: first_id + rank for rank, word in enumerate(ranked)}


def obvious_pad(sequences: list[list[int]], maxlen: int, padding: str, truncating: str, value: int) -> list[list[int]]:
    rows = []
    for sequence in sequences:
        row = list(sequence)
        while len(row) > maxlen:
            row.pop(0 if truncating == "pre" else -1)
        while len(row) < maxlen:
            row.insert(0 if padding == "pre" else len(row), value)
        rows.append(row)
    return rows


class TestWords:
    def test_punctuation_separates_and_the_apostrophe_does_not(self) -> None:
        assert text_to_word_sequence("It's a re-run<br />of (Mr.) O'Hara!") == (
            ["it's", "a", "re", "run", "br", "of", "mr", "o'hara"]
        )

    def test_the_filters_are_all_punctuation_but_the_apostrophe(self) -> None:
        assert sorted(DEFAULT_FILTERS) == sorted(string.punctuation.replace("'", "") + "\t\n")

    def test_options(self) -> None:
        assert text_to_word_sequence("A,b|C d", filters="|", lower=False, split=",") == ["A", "b", "C d"]

    def test_other_white_space_belongs_to_the_word(self) -> None:
        assert text_to_word_sequence("a\u00a0b\rc") == ["a\u00a0b\rc"]


class TestTokenizer:
    @given(TEXTS)
    def test_ranks_as_the_obvious_implementation(self, texts: list[str]) -> None:
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts(texts)
        assert tokenizer.word_index == obvious_word_index(texts)
        assert list(tokenizer.word_index.values()) == list(range(1, len(tokenizer.word_index) + 1))
        assert tokenizer.index_word == {index: word for word, index in tokenizer.word_index.items()}
        words = [word for text in texts for word in obvious_words(text)]
        assert dict(tokenizer.word_counts) == {word: words.count(word) for word in words}
        assert list(tokenizer.word_counts) == list(dict.fromkeys(words))
        assert tokenizer.document_count == len(texts)

    @given(TEXTS.filter(bool), TEXTS, st.none() | st.integers(1, 6))
    def test_sequences_as_the_obvious_implementation(
        self, texts: list[str], others: list[str], num_words: int | None
    ) -> None:
        tokenizer = Tokenizer(num_words)
        tokenizer.fit_on_texts(texts)
        index = obvious_word_index(texts)
        limit = num_words or len(index) + 1
        assert tokenizer.texts_to_sequences(others) == [
            [index[word] for word in obvious_words(text) if word in index and index[word] < limit] for text in others
        ]

    @given(TEXTS.filter(bool), TEXTS, st.none() | st.integers(2, 6))
    def test_the_oov_token_has_id_1_and_stands_for_unknown_words(
        self, texts: list[str], others: list[str], num_words: int | None
    ) -> None:
        tokenizer = Tokenizer(num_words, oov_token="<oov>")
        tokenizer.fit_on_texts(texts)
        index = obvious_word_index(texts, first_id=2)
        assert tokenizer.word_index == {"<oov>": 1, **index}
        limit = num_words or len(index) + 2
        sequences = tokenizer.texts_to_sequences(others)
        assert sequences == [
            [index[word] if index.get(word, limit) < limit else 1 for word in obvious_words(text)] for text in others
        ]
        assert tokenizer.sequences_to_texts(sequences) == [
            " ".join(word if index.get(word, limit) < limit else "<oov>" for word in obvious_words(text))
            for text in others
        ]

    @given(TEXTS.filter(bool))
    def test_texts_come_back_as_their_words(self, texts: list[str]) -> None:
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts(texts)
        sequences = tokenizer.texts_to_sequences(texts)
        assert tokenizer.sequences_to_texts(sequences) == [" ".join(obvious_words(text)) for text in texts]

    def test_ids_without_a_word_are_left_out(self) -> None:
        tokenizer = Tokenizer(num_words=3)
        tokenizer.fit_on_texts(["a a a b b c"])
        assert tokenizer.sequences_to_texts([[0, 1, 3, 2, 9], []]) == ["a b", ""]

    @given(TEXTS, TEXTS)
    def test_fitting_twice_counts_on(self, first: list[str], second: list[str]) -> None:
        twice, once = Tokenizer(), Tokenizer()
        twice.fit_on_texts(first)
        twice.fit_on_texts(second)
        once.fit_on_texts(first + second)
        assert (twice.word_index, twice.document_count) == (once.word_index, once.document_count)

    def test_ties_go_by_first_appearance(self) -> None:
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts(["z y x", "x y z w w w"])
        assert tokenizer.word_index == {"w": 1, "z": 2, "y": 3, "x": 4}

    def test_characters_as_tokens(self) -> None:
        tokenizer = Tokenizer(char_level=True)
        tokenizer.fit_on_texts(["B b, b"])
        assert tokenizer.word_index == {"b": 1, " ": 2, ",": 3}
        assert tokenizer.texts_to_sequences(["b,"]) == [[1, 3]]

    def test_texts_that_are_tokens_already(self) -> None:
        tokenizer = Tokenizer()
        tokenizer.fit_on_texts([["New York", "a"], ("new york",)])
        assert tokenizer.word_index == {"new york": 1, "a": 2}
        assert tokenizer.texts_to_sequences([["A", "New York"]]) == [[2, 1]]

    def test_options(self) -> None:
        tokenizer = Tokenizer(filters="b", lower=False, split="-")
        tokenizer.fit_on_texts(["a-AbA"])
        assert tokenizer.word_index == {"A": 1, "a": 2}

    def test_one_string_is_no_list_of_texts(self) -> None:
        tokenizer = Tokenizer()
        with pytest.raises(TypeError, match=r"^texts: expected a list of texts, got a single string 'abc'"):
            tokenizer.fit_on_texts("abc")

    def test_texts_must_be_texts(self) -> None:
        tokenizer = Tokenizer()
        with pytest.raises(TypeError, match=r"^texts: .* got bytes at position 1"):
            tokenizer.fit_on_texts(["a", b"b"])  # type: ignore[list-item]

    @pytest.mark.parametrize("num_words", [0, -1])
    def test_refuses_a_limit_below_1(self, num_words: int) -> None:
        with pytest.raises(ValueError, match=f"^num_words: expected at least 1, got {num_words}"):
            Tokenizer(num_words)

    def test_refuses_an_empty_split(self) -> None:
        with pytest.raises(ValueError, match=r"^split: expected at least one character, got ''"):
            Tokenizer(split="")

    def test_refuses_to_work_unfitted(self) -> None:
        with pytest.raises(ValueError, match="call fit_on_texts first"):
            Tokenizer().texts_to_sequences(["a"])
        with pytest.raises(ValueError, match="call fit_on_texts first"):
            Tokenizer().sequences_to_texts([[1]])


class TestPadSequences:
    @given(
        SEQUENCES,
        st.none() | st.integers(1, 9),
        st.sampled_from(["pre", "post"]),
        st.sampled_from(["pre", "post"]),
        st.integers(-5, 5),
        st.sampled_from([list, tuple, lambda sequence: np.array(sequence, dtype=np.int64)]),
    )
    def test_as_the_obvious_implementation(self, sequences, maxlen, padding, truncating, value, kind) -> None:
        padded = pad_sequences([kind(s) for s in sequences], maxlen, "int64", padding, truncating, value)
        steps = max(map(len, sequences)) if maxlen is None else maxlen
        expected = obvious_pad(sequences, steps, padding, truncating, value)
        assert padded.shape == (len(sequences), steps)
        assert padded.dtype == np.int64
        assert padded.tolist() == expected

    def test_defaults(self) -> None:
        padded = pad_sequences([[1, 2, 3, 4], [5]], maxlen=3)
        assert padded.tolist() == [[2, 3, 4], [0, 0, 5]]
        assert padded.dtype == np.int32

    def test_post_padding_still_keeps_the_end(self) -> None:
        assert pad_sequences([[1, 2, 3, 4], [5]], maxlen=3, padding="post").tolist() == [[2, 3, 4], [5, 0, 0]]

    def test_an_object_array_of_lists(self) -> None:
        sequences = np.empty(2, dtype=object)
        sequences[0], sequences[1] = [1, 2], [3]
        assert pad_sequences(sequences).tolist() == [[1, 2], [0, 3]]

    def test_steps_that_are_vectors(self) -> None:
        padded = pad_sequences([[], [[1.5, 2.5]], np.ones((3, 2))], maxlen=2, dtype="float32", value=-1)
        assert padded.dtype == np.float32
        assert padded.tolist() == [[[-1, -1], [-1, -1]], [[-1, -1], [1.5, 2.5]], [[1, 1], [1, 1]]]

    def test_strings(self) -> None:
        assert pad_sequences([["a", "bc"], ["d"]], dtype=object, value="-").tolist() == [["a", "bc"], ["-", "d"]]

    def test_nothing_to_pad(self) -> None:
        assert pad_sequences([], maxlen=3).shape == (0, 3)
        assert pad_sequences([[], []]).shape == (2, 0)
        with pytest.raises(ValueError, match=r"^maxlen: expected a number of steps .* got None"):
            pad_sequences([])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"sequences": 3}, r"^sequences: expected a list of sequences, got int"),
            ({"sequences": [[1], 3]}, r"^sequences: expected a list of sequences, got int at position 1"),
            ({"sequences": [[1], ["x"]]}, r"^sequences: expected values of dtype int32 at position 1, got"),
            ({"sequences": [[1], [2**70]]}, r"^sequences: expected values of dtype int32 at position 1, got"),
            ({"sequences": [[[1, 2]], [[1]]]}, r"^sequences: expected steps of shape \(2,\), got \(1,\) at position 1"),
            ({"sequences": [[1]], "maxlen": 0}, r"^maxlen: expected at least 1, got 0"),
            ({"sequences": [[1]], "padding": "left"}, r"^padding: expected one of pre, post, got 'left'"),
            ({"sequences": [[1]], "truncating": "left"}, r"^truncating: expected one of pre, post, got 'left'"),
            ({"sequences": [[1]], "value": "1"}, r"^value: expected a number for dtype int32, got '1'"),
        ],
    )
    def test_refusals(self, arguments, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            pad_sequences(**arguments)

    def test_refuses_a_maxlen_that_is_no_integer(self) -> None:
        with pytest.raises(TypeError, match=r"^maxlen: expected an integer, got 2\.5"):
            pad_sequences([[1]], maxlen=2.5)  # type: ignore[arg-type]


class TestCleanText:
    @given(st.text() | st.text(alphabet="aZ09_ \t\n'.é٣"))
    def test_as_the_obvious_implementation(self, text: str) -> None:
        kept = "".join(c for c in text if c.isspace() or (c.isalnum() and c not in string.digits))
        assert clean_text(text) == " ".join(kept.split()).lower()

    def test_drops_and_does_not_replace(self) -> None:
        assert clean_text("  Don't_stop:\t T&C's 2nd\n call 08-00 ") == "dontstop tcs nd call"
