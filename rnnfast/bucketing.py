"""Batches of sequences of about the same length, so that little is padded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from rnnfast.arguments import check_flag, check_seed
from rnnfast.problem import check_option, check_size
from rnnfast.typing import Array, Seed


class BucketedBatches:
    """Batches (x, y) of integer sequences, each padded to the longest of its batch; for `Sequential.fit`.

    A pass goes over all sequences once. With shuffling, the sequences are drawn in a random order, each run of
    `pool_batches` batches of them is sorted by length and cut into batches, and the batches of all runs are shuffled.
    Each pass has another order; with the same seed, the n-th pass of two objects is the same. Without shuffling, the
    sequences are sorted by length, equal ones in their order.

    Args:
        sequences: n sequences of integers; an empty one is all padding.
        targets: (n, ...), what belongs to each sequence.
        batch_size: sequences in a batch; the last of a run may be smaller.
        padding: "pre" or "post", where the padding goes.
        value: the integer that pads.
        shuffle: as above.
        pool_batches: at least 1. More means less padding, and batches that differ less from pass to pass.
        seed: of the shuffling.

    Raises:
        ValueError, TypeError: no sequences, of another number than targets, or not of integers; an option out of
            range.
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int] | Array],
        targets: object,
        batch_size: int = 32,
        *,
        padding: str = "pre",
        value: int = 0,
        shuffle: bool = True,
        pool_batches: int = 50,
        seed: Seed = None,
    ) -> None:
        self._sequences = [_integers(index, sequence) for index, sequence in enumerate(sequences)]
        self._targets = np.asarray(targets)
        if not self._sequences:
            raise ValueError("sequences: expected at least one, got none")
        if self._targets.ndim == 0 or len(self._targets) != len(self._sequences):
            raise ValueError(
                f"targets: expected one for each of {len(self._sequences)} sequences, got shape {self._targets.shape}"
            )
        check_size("batch_size", batch_size)
        check_size("pool_batches", pool_batches)
        check_option("padding", padding, ("pre", "post"))
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"value: expected an integer, got {value!r}")
        self._lengths = np.array([len(sequence) for sequence in self._sequences])
        self._batch_size, self._run = int(batch_size), int(batch_size) * int(pool_batches)
        self._pre, self._value = padding == "pre", int(value)
        self._rng = np.random.default_rng(check_seed(seed)) if check_flag("shuffle", shuffle) else None

    def __len__(self) -> int:
        """How many batches a pass has."""
        full, rest = divmod(len(self._sequences), self._run) if self._rng else (0, len(self._sequences))
        return full * (self._run // self._batch_size) + math.ceil(rest / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        for batch in self._batches():
            yield self._padded(batch), self._targets[batch]

    def _batches(self) -> list[Array]:
        """The places of the sequences of each batch, in the order of the next pass."""
        count = len(self._sequences)
        if self._rng is None:
            return self._cut(np.arange(count))
        order = self._rng.permutation(count)
        batches = [
            batch for start in range(0, count, self._run) for batch in self._cut(order[start : start + self._run])
        ]
        return [batches[place] for place in self._rng.permutation(len(batches))]

    def _cut(self, places: Array) -> list[Array]:
        """Places of sequences, sorted by length, in batches."""
        places = places[np.argsort(self._lengths[places], kind="stable")]
        return [places[start : start + self._batch_size] for start in range(0, len(places), self._batch_size)]

    def _padded(self, batch: Array) -> Array:
        """(B, longest) integers, at least one long."""
        lengths = self._lengths[batch]
        longest = max(int(lengths.max()), 1)
        x = np.full((len(batch), longest), self._value, np.int64)
        steps = np.arange(longest)
        taken = steps >= longest - lengths[:, None] if self._pre else steps < lengths[:, None]
        x[taken] = np.concatenate([self._sequences[place] for place in batch])
        return x


def _integers(index: int, sequence: object) -> Array:
    array = np.asarray(sequence)
    if array.ndim != 1:
        raise ValueError(f"sequences[{index}]: expected one axis, got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"sequences[{index}]: expected integers, got dtype {array.dtype}")
    return array.astype(np.int64)
