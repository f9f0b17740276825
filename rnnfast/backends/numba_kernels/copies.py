"""Kernels that put numbers where others need them. A thread has an element, unless it says otherwise."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda


@cuda.jit
def copy(source, out):
    """out, in C order and seen as (n,), := source of any strides."""
    i = cuda.grid(1)
    if i < out.size:
        out[i] = source.flat[i]


@cuda.jit
def transpose(source, out):
    """out (n, m) := source (m, n)^T."""
    i = cuda.grid(1)
    if i < out.size:
        out[i // out.shape[1], i % out.shape[1]] = source[i % out.shape[1], i // out.shape[1]]


@lru_cache
def fill(dtype: str) -> Any:
    """out (n,) := 0."""
    zero = np.dtype(dtype).type(0)

    @cuda.jit
    def fill(out):
        i = cuda.grid(1)
        if i < out.size:
            out[i] = zero

    return fill


VALID: dict[str, Any] = {
    "every": lambda every, t, row: True,
    "lengths": lambda lengths, t, row: t < lengths[row],
    "mask": lambda mask, t, row: mask[t, row],
}
"""Whether a step counts, by what says so: anything, lengths (B,), or a mask (T, B)."""


@lru_cache
def number_steps(given: str) -> Any:
    """position (T, B) := the valid steps before this one in the order of processing, -1 where it is masked.

    A thread has a sequence.
    """
    is_valid = cuda.jit(device=True)(VALID[given])

    @cuda.jit
    def number_steps(given, reverse, position):
        row = cuda.grid(1)
        if row < position.shape[1]:
            seq_len, count = position.shape[0], 0
            for step in range(seq_len):
                t = seq_len - 1 - step if reverse else step
                if is_valid(given, t, row):
                    position[t, row] = count
                    count += 1
                else:
                    position[t, row] = -1

    return number_steps


@lru_cache
def clear_masked(dtype: str) -> Any:
    """out (T, B, n) := x, and 0 at masked steps."""
    zero = np.dtype(dtype).type(0)

    @cuda.jit
    def clear_masked(x, position, out):
        i = cuda.grid(1)
        if i < x.size:
            column, row, t = i % x.shape[2], i // x.shape[2] % x.shape[1], i // x.shape[2] // x.shape[1]
            out[t, row, column] = x[t, row, column] if position[t, row] >= 0 else zero

    return clear_masked


@cuda.jit
def previous_states(y, h0, position, reverse, previous):
    """previous (T, B, H) := h_{t-1} of every step: the last valid y before it, or h0 (B, H).

    A thread has a unit of a sequence.
    """
    i = cuda.grid(1)
    seq_len, batch, hidden_size = y.shape
    if i < batch * hidden_size:
        row, unit = i // hidden_size, i % hidden_size
        h = h0[row, unit]
        for step in range(seq_len):
            t = seq_len - 1 - step if reverse else step
            previous[t, row, unit] = h
            if position[t, row] >= 0:
                h = y[t, row, unit]
