"""A text as numbers, and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from rnnfast.configuration import Configurable
from rnnfast.problem import check_option, check_size
from rnnfast.typing import Array

UNKNOWN = "<unk>"
"""Stands for every token that a vocabulary does not have."""

# How a text is cut into tokens; joined again they are the text. A word, or a punctuation mark, has the space before it.
LEVELS: dict[str, Callable[[str], list[str]]] = {
    "character": list,
    "word": re.compile(r" ?\w+(?:['-]\w+)*| ?[^\w\s]|\s").findall,
}


class Vocabulary(Configurable):
    """Tokens and their numbers, 0..len-1.

    Args:
        level: "character" or "word"; of the latter each carries the space before it, and punctuation marks and line
            breaks are words too.
        tokens: without repetition, `UNKNOWN` the first.

    Raises:
        ValueError: a level that is not known, or other tokens.
    """

    def __init__(self, level: str, tokens: Iterable[str]) -> None:
        check_option("level", level, tuple(LEVELS))
        self.level, self.tokens = level, list(tokens)
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        if self.tokens[:1] != [UNKNOWN] or len(self._numbers) < max(2, len(self.tokens)):
            raise ValueError(f"tokens: expected {UNKNOWN!r} and others, none of them twice, got {self.tokens[:5]}...")

    @classmethod
    def of(cls, text: str, *, level: str = "character", size: int | None = None) -> Vocabulary:
        """The tokens of a text, the most frequent first.

        Args:
            text: not empty.
            level: see Vocabulary.
            size: tokens to keep, at least 2, `UNKNOWN` among them; None keeps all.

        Raises:
            ValueError, TypeError: an empty text, or an argument out of range.
        """
        check_option("level", level, tuple(LEVELS))
        if size is not None:
            check_size("size", size)
            if size < 2:
                raise ValueError(f"size: expected at least 2, got {size}")
        if not text:
            raise ValueError("text: expected at least one character, got none")
        ranked = Counter(LEVELS[level](text)).most_common(None if size is None else size - 1)
        return cls(level, [UNKNOWN, *(token for token, _ in ranked)])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str) -> Array:
        """The numbers of the tokens of a text, int32 (n,); 0 for those that are not known."""
        return np.array([self._numbers.get(token, 0) for token in LEVELS[self.level](text)], np.int32)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of these numbers."""
        return "".join(self.tokens[number] for number in numbers)

    def unknown(self, text: str) -> list[str]:
        """The tokens of a text that are not known, in their order."""
        return [token for token in LEVELS[self.level](text) if token not in self._numbers]
