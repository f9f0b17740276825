"""Random masks from a counter-based generator: what is drawn follows from a seed and a counter alone.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") turns each number of a counter into
four words of 32 bits, independently of all others; word i of a mask decides its element i. So masks have the same bits
for any number of threads and any instruction set, and on a GPU; and a generator goes on from two numbers.
"""

from __future__ import annotations

from math import prod

import numpy as np

from rnnfast import _cpu
from rnnfast.arguments import check_count, check_number
from rnnfast.home import HOST, MaskValues, ModelHome, RandomWords
from rnnfast.typing import Array


class MaskGenerator:
    """Draws one mask after the other.

    Args:
        seed: names the sequence; two numbers of 64 bits are taken from it.
        home: where masks are to lie.

    Attributes:
        state: seed, stream and counter, in 0..2^64-1: all that the next masks depend on.
    """

    def __init__(self, seed: np.random.SeedSequence, home: ModelHome = HOST) -> None:
        self._home = home
        self._seed, self._stream = (int(word) for word in seed.generate_state(2, np.uint64))
        self._counter = 0

    @property
    def state(self) -> dict[str, int]:
        return {"seed": self._seed, "stream": self._stream, "counter": self._counter}

    @state.setter
    def state(self, state: dict[str, int]) -> None:
        seed, stream, counter = (check_count(name, state[name]) for name in ("seed", "stream", "counter"))
        self._seed, self._stream, self._counter = seed, stream, counter

    def dropout(self, shape: tuple[int, ...], rate: float, dtype: str) -> Array:
        """Independently 0 with probability `rate`, else 1 / (1 - rate), so that the expectation stays.

        Args:
            shape: any. rate: in 0..1, below 1. dtype: "float32" or "float64".
        """
        rate = check_number("rate", rate, low=0, below=1)
        return self._draw(shape, dtype, MaskValues(rate, 0.0, 1 / (1 - rate)))

    def chosen(self, shape: tuple[int, ...], rate: float) -> Array:
        """Independently True with probability `rate`, in 0..1, below 1; of bool."""
        return self._draw(shape, "bool", MaskValues(check_number("rate", rate, low=0, below=1), True, False))

    def _draw(self, shape: tuple[int, ...], dtype: str, values: MaskValues) -> Array:
        mask = self._home.random_mask(shape, dtype, values, RandomWords(self._seed, self._stream, self._counter))
        blocks = -(-prod(shape) // _cpu.block_words)
        self._counter = (self._counter + blocks) % 2**64
        return mask
