"""A text as a batch: parts of it that are read side by side, from left to right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from rnnfast.problem import check_size
from rnnfast.typing import Array


class Streams(NamedTuple):
    """Input and target tokens, (B, n): row by row consecutive parts of a text, the targets one step ahead."""

    x: Array
    y: Array

    @classmethod
    def of(cls, ids: Array, count: int) -> Streams:
        """A text (N,) cut into `count` streams of (N - 1) // count steps; what is left over is dropped.

        Raises:
            ValueError: not enough tokens for a step in each. TypeError: count is no integer.
        """
        check_size("count", count)
        steps = (len(ids) - 1) // count
        if steps < 1:
            raise ValueError(f"text: expected at least {count + 1} tokens for {count} streams, got {len(ids)}")
        return cls(ids[: count * steps].reshape(count, steps), ids[1 : count * steps + 1].reshape(count, steps))

    def count_chunks(self, steps: int) -> int:
        """How many chunks of so many steps there are, a last shorter one included."""
        return math.ceil(int(self.x.shape[1]) / steps)

    def chunk(self, number: int, steps: int) -> Streams:
        """Steps number * steps and those after it, from 0; the last chunk may be shorter."""
        part = slice(number * steps, (number + 1) * steps)
        return Streams(self.x[:, part], self.y[:, part])

    def chunks(self, steps: int) -> Iterator[Streams]:
        """From left to right; the last may be shorter."""
        return (self.chunk(number, steps) for number in range(self.count_chunks(steps)))
