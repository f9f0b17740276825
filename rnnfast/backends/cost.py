"""What each variant of the `cpu` backend costs: a sum of counted work, each kind with a price fitted to measurements.

The counts are those of the thread that has most to do: steps, meetings of the threads, rows of a step, vectors of
states, multiplications of vectors, weights read, and read from beyond the second-level cache, vectors turned over. The
prices, in microseconds, stand in costs.json; `rnnfast tune` measures them on the machine at hand and keeps them in the
user's cache.
"""

from __future__ import annotations

import json
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np

from rnnfast import _cpu
from rnnfast.problem import Problem
from rnnfast.typing import Array

SHIPPED = Path(__file__).with_name("costs.json")
DIRECTIONS = ("forward", "backward")
VARIANTS = ("panel", "lanes", "stationary")

# How many times faster than `panel` a variant must seem. Threads that meet at every step suffer most where another
# process wants a processor.
LEAST_GAIN = {"panel": 1.0, "lanes": 1.05, "stationary": 1.12}

Prices = dict[str, dict[str, list[float]]]
"""By variant and direction: microseconds for each of the counts of `work`."""

# What of the weights a core's own cache holds; what is beyond it is read again at every step.
_OWN_CACHE_BYTES = 384 * 1024

# Of the register tiles: vectors of a group of sequences, rows of a tile, sums that hide their latency.
_WIDEST_GROUP, _TILE_ROWS, _INDEPENDENT_SUMS = 3, 4, 8


def work(problem: Problem, variant: str, direction: str, *, threads: int, vector_len: int) -> Array:
    """How much of each kind of work the busiest thread has.

    Args:
        problem: sizes and dtype.
        variant: one of VARIANTS.
        direction: "forward" or "backward".
        threads: that the problem is worth.
        vector_len: elements of the dtype in a vector.

    Returns:
        The counts, as many as there are prices.
    """
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size
    wide_h, wide_i, wide_b = (_ceil(size, vector_len) for size in (h, i, b))
    depth = h // problem.heads  # of the recurrent product, and the vectors that its columns take
    wide_head = _ceil(depth, vector_len)
    recurrent = wide_h if depth == 1 else wide_head * problem.heads
    # rows of a step and vectors in each, of the busiest thread; the vectors that one product works on side by side
    if variant == "lanes":
        rows, width = h, _ceil(wide_b, threads)
        side_by_side, projected = min(width, _WIDEST_GROUP), rows * width
    elif variant == "stationary":
        rows, width = b, _ceil(wide_h, threads)
        side_by_side, projected = width, rows * width
    else:
        rows, width = _ceil(b, threads), wide_h
        # the input projection goes by blocks of a step's rows, few of which make poor tiles; one sequence is one block
        side_by_side = wide_h if depth == 1 else wide_head
        projected = (max(rows, _TILE_ROWS) if b > 1 else 1) * width
    vectors = rows * width
    # sums that do not wait for each other: fewer do not keep the arithmetic units busy
    sums = vectors * recurrent / wide_h * max(1.0, _INDEPENDENT_SUMS / (rows * side_by_side))
    own = width if variant == "stationary" else recurrent
    far = max(0.0, depth * own - _OWN_CACHE_BYTES / (vector_len * _ITEM[problem.arithmetic]))
    meetings = t * (threads > 1) * (variant == "stationary")
    by_rows = variant != "lanes"
    counts = [
        1.0,
        t,
        meetings,
        t * rows * by_rows,
        t * vectors,
        t * sums * depth,
        t * own * depth * by_rows,
        t * far,
        (i * wide_h + depth * recurrent) / threads,
    ]
    if direction == "forward":
        turned = t * width * (wide_i + wide_h) * (not by_rows)
        return np.array([*counts, t * max(projected, sums * (not by_rows)) * i, turned])
    # dx and the weight gradients, shared out evenly whatever the variant
    hoisted = t * b * (2 * h * wide_i + depth * recurrent) / threads
    return np.array([*counts, hoisted, t * b * (wide_i + wide_h) / threads])


_ITEM = {"float32": 4, "float64": 8}


def _ceil(count: int, size: int) -> int:
    return -(-count // size)


def predict(problem: Problem, prices: Prices, *, threads: int, vector_len: int) -> dict[str, dict[str, float]]:
    """Microseconds of each variant, by direction and variant."""
    return {
        direction: {
            variant: float(
                work(problem, variant, direction, threads=threads, vector_len=vector_len) @ prices[variant][direction]
            )
            for variant in VARIANTS
            if accepts(problem, variant)
        }
        for direction in DIRECTIONS
    }


def accepts(problem: Problem, variant: str) -> bool:
    """Whether a variant takes a problem."""
    if problem.cell_options and variant != "panel":
        return False
    return _cpu.accepts(variant, problem.seq_len, problem.batch, problem.input_size, problem.hidden_size, problem.heads)


def choose(predicted: dict[str, float]) -> str:
    """The variant that is expected to be fastest, by at least its LEAST_GAIN over `panel`."""
    return min(predicted, key=lambda variant: predicted[variant] * LEAST_GAIN[variant])


def prices(isa: str) -> tuple[Prices, str]:
    """The prices for an instruction set, and where they come from: "tuned here" or "shipped"."""
    return _prices(isa, _modified(tuned_path(isa)))


@lru_cache(maxsize=16)
def _prices(isa: str, tuned: float | None) -> tuple[Prices, str]:
    if tuned is not None:
        try:
            return read(tuned_path(isa)), "tuned here"
        except (OSError, ValueError) as error:
            warnings.warn(f"{tuned_path(isa)}: not used ({error}); `rnnfast tune` writes it anew", stacklevel=4)
    return read(SHIPPED), "shipped"


def read(path: Path) -> Prices:
    """The prices in a file. ValueError if they are not what `work` counts."""
    found = json.loads(path.read_text())
    expected = Problem(seq_len=1, batch=1, input_size=1, hidden_size=1)
    for variant in VARIANTS:
        for direction in DIRECTIONS:
            count = len(work(expected, variant, direction, threads=1, vector_len=1))
            row = found.get(variant, {}).get(direction) if isinstance(found, dict) else None
            if not isinstance(row, list) or len(row) != count or not all(isinstance(p, int | float) for p in row):
                raise ValueError(f"{variant} {direction}: expected {count} prices, got {row!r}")
    return {variant: found[variant] for variant in VARIANTS}


def tuned_path(isa: str) -> Path:
    """Where `rnnfast tune` keeps what it measured for an instruction set."""
    from rnnfast.datasets.cache import folder

    return folder() / f"costs-{isa}.json"


def _modified(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
