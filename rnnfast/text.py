"""From raw text to padded integer sequences, by the rules of Keras.

`Tokenizer` and `pad_sequences` give what `keras.preprocessing.text.Tokenizer` and `keras.utils.pad_sequences` give, so
that a model trained on either reads the same integers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rnnfast.problem import check_option, check_size
from rnnfast.typing import Array

# Punctuation, tab and newline, without the apostrophe: "it's" is one word.
DEFAULT_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'

SIDES = ("pre", "post")

Text: TypeAlias = str | Sequence[str]
"""A text, or one that is split into tokens already."""

_UNWANTED = re.compile(r"[^\w\s]|[_0-9]")


def clean_text(text: str) -> str:
    """`text` as words only: lower-case, one space between them.

    Whatever is neither a word character nor white space is dropped, not replaced, and so are the underscore and the
    digits 0 to 9: "don't" becomes "dont" and "T&C's 2nd" becomes "tcs nd".
    """
    return " ".join(_UNWANTED.sub("", text).split()).lower()


def text_to_word_sequence(
    text: str, *, filters: str = DEFAULT_FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of `text`: each character of `filters` counts as `split`, and empty words are left out."""
    return _words(text, _translation(filters, split), lower, split)


class Tokenizer:
    """Turns texts into lists of word ids, by the rules of Keras's Tokenizer.

    Words are ranked by how often they occur in the texts fitted on, ties by which came first. Ids count from 1, since
    0 is what `pad_sequences` fills with; with an `oov_token` that one has id 1 and the words count from 2.

    Args:
        num_words: only ids below this come out of `texts_to_sequences`, that is the `num_words - 1` first of the
            ranking; at least 1, None keeps all. `word_index` holds every word all the same.
        filters: the characters that separate words besides `split`; the default has no apostrophe.
        lower: turn to lower-case first.
        split: what separates words; at least one character.
        char_level: every character is a token, and `filters` and `split` are not used.
        oov_token: stands for each word that has no id below `num_words`; None leaves such words out.

    Attributes:
        word_counts: how often each word came, in order of first appearance.
        word_index: the id of each word, in order of rank.
        index_word: the word of each id.
        document_count: how many texts were fitted on.

    Raises:
        ValueError: num_words below 1, or an empty split. TypeError: num_words is no integer.
    """

    word_counts: Counter[str]
    word_index: dict[str, int]
    index_word: dict[int, str]
    document_count: int

    def __init__(
        self,
        num_words: int | None = None,
        *,
        filters: str = DEFAULT_FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
    ) -> None:
        if num_words is not None:
            check_size("num_words", num_words)
        if not isinstance(split, str) or not split:
            raise ValueError(f"split: expected at least one character, got {split!r}")
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.word_counts = Counter()
        self.word_index = {}
        self.index_word = {}
        self.document_count = 0
        self._translation = _translation(filters, split)

    def fit_on_texts(self, texts: Iterable[Text]) -> None:
        """Count the words of `texts`, on top of those counted before, and rank them anew.

        Raises:
            TypeError: `texts` is a single string, or one of them is neither a string nor a list or tuple of strings.
        """
        for tokens in self._tokens(texts):
            self.document_count += 1
            self.word_counts.update(tokens)
        # most_common sorts stably, and a dict keeps the order of insertion: ties stay first seen first.
        ranked = [word for word, _ in self.word_counts.most_common()]
        if self.oov_token is not None:
            ranked.insert(0, self.oov_token)
        self.word_index = {word: index for index, word in enumerate(ranked, start=1)}
        self.index_word = {index: word for word, index in self.word_index.items()}

    def texts_to_sequences(self, texts: Iterable[Text]) -> list[list[int]]:
        """The ids of the words of each text.

        Raises:
            ValueError: nothing was fitted yet. TypeError: as `fit_on_texts`.
        """
        self._check_fitted()
        kept = {word: index for word, index in self.word_index.items() if self._keeps(index)}
        if self.oov_token is None:
            # No id is 0, so the filter takes out the unknown words alone.
            return [list(filter(None, map(kept.get, tokens))) for tokens in self._tokens(texts)]
        unknown = self.word_index[self.oov_token]
        return [[kept.get(word, unknown) for word in tokens] for tokens in self._tokens(texts)]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each list of ids, with a space between them; an id without a word is treated as a word
        without an id is by `texts_to_sequences`.

        Raises:
            ValueError: nothing was fitted yet.
        """
        self._check_fitted()
        kept = {index: word for index, word in self.index_word.items() if self._keeps(index)}
        if self.oov_token is None:
            return [" ".join(kept[index] for index in sequence if index in kept) for sequence in sequences]
        return [" ".join(kept.get(index, self.oov_token) for index in sequence) for sequence in sequences]

    def _keeps(self, index: int) -> bool:
        return self.num_words is None or index < self.num_words

    def _check_fitted(self) -> None:
        if not self.document_count:
            raise ValueError("Tokenizer: expected texts to have been fitted on, got none; call fit_on_texts first")

    def _tokens(self, texts: Iterable[Text]) -> Iterator[Sequence[str]]:
        if isinstance(texts, str):  # would be read as one text per character
            raise TypeError(f"texts: expected a list of texts, got a single string {texts[:40]!r}")
        for position, text in enumerate(texts):
            if isinstance(text, list | tuple):
                yield [token.lower() for token in text] if self.lower else text
            elif not isinstance(text, str):
                raise TypeError(
                    f"texts: expected strings or lists of strings, got {type(text).__name__} at position {position}"
                )
            elif self.char_level:
                yield text.lower() if self.lower else text
            else:
                yield _words(text, self._translation, self.lower, self.split)


def pad_sequences(
    sequences: Sequence[Any] | Array,
    maxlen: int | None = None,
    dtype: npt.DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0,
) -> Array:
    """Sequences of different lengths as one array, by the rules of `keras.utils.pad_sequences`.

    Args:
        sequences: n lists, tuples or arrays, each (length, ...) with the same axes after the first.
        maxlen: steps of the result, at least 1; by default the longest sequence.
        dtype: of the result. Values are converted as NumPy's `asarray` does.
        padding: "pre" puts `value` before a shorter sequence, "post" after it.
        truncating: "pre" drops the first steps of a longer sequence and so keeps its end, "post" the last ones.
        value: what to fill with; a string needs dtype object or a string dtype.

    Returns:
        Array (n, maxlen, ...) of `dtype`; the axes after the second are those that the sequences have.

    Raises:
        ValueError: an option that is not known, maxlen below 1, no sequences and no maxlen, something that is no
            sequence, sequences of different axes, or values that the dtype cannot hold.
        TypeError: maxlen is no integer.
    """
    check_option("padding", padding, SIDES)
    check_option("truncating", truncating, SIDES)
    dtype = np.dtype(dtype)
    if isinstance(value, str) and dtype.kind not in "OUS":
        raise ValueError(f"value: expected a number for dtype {dtype}, got {value!r}")
    lengths = _lengths(sequences)
    if maxlen is not None:
        check_size("maxlen", maxlen)
    elif not lengths:
        raise ValueError("maxlen: expected a number of steps for an empty list of sequences, got None")
    else:
        maxlen = max(lengths)
    sample_shape = next((np.shape(sequence)[1:] for sequence in sequences if len(sequence)), ())

    padded = np.full((len(lengths), maxlen, *sample_shape), value, dtype=dtype)
    for position, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        kept = sequence[-maxlen:] if truncating == "pre" else sequence[:maxlen]
        if not length:
            continue
        try:
            steps = np.asarray(kept, dtype=dtype)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"sequences: expected values of dtype {dtype} at position {position}, got {error}"
            ) from error
        if steps.shape[1:] != sample_shape:
            raise ValueError(
                f"sequences: expected steps of shape {sample_shape}, got {steps.shape[1:]} at position {position}"
            )
        if padding == "pre":
            padded[position, maxlen - len(steps) :] = steps
        else:
            padded[position, : len(steps)] = steps
    return padded


def _lengths(sequences: Sequence[Any] | Array) -> list[int]:
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"sequences: expected a list of sequences, got {type(sequences).__name__}")
    lengths = []
    for position, sequence in enumerate(sequences):
        try:
            lengths.append(len(sequence))
        except TypeError as error:
            raise ValueError(
                f"sequences: expected a list of sequences, got {type(sequence).__name__} at position {position}"
            ) from error
    return lengths


def _translation(filters: str, split: str) -> Mapping[int, str]:
    return str.maketrans(dict.fromkeys(filters, split))


def _words(text: str, translation: Mapping[int, str], lower: bool, split: str) -> list[str]:
    if lower:
        text = text.lower()
    return list(filter(None, text.translate(translation).split(split)))
