"""The layout of sequences: public arrays are batch-major (B, T, F), as in Keras; their memory is time-major.

Layers pass (B, T, F) views of C-contiguous (T, B, F) arrays from one to the next, so that none of these functions
copies; an array that really lies batch-major in memory is copied once, where it comes in.
"""

from __future__ import annotations

import numpy as np

from rnnfast.typing import Array


def contiguous(x: Array) -> Array:
    """The array, or a copy where it lies, C-contiguous."""
    return np.ascontiguousarray(x, like=x)


def time_major(x: Array) -> Array:
    """(B, T, F) as a C-contiguous (T, B, F) array."""
    return contiguous(x.transpose(1, 0, 2))


def batch_major(x: Array) -> Array:
    """(T, B, F) as the view (B, T, F)."""
    return x.transpose(1, 0, 2)


def as_rows(x: Array) -> Array:
    """(B, F) as it is; (B, T, F) as (T B, F), time-major."""
    return x if x.ndim == 2 else time_major(x).reshape(-1, x.shape[2])


def from_rows(rows: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of `as_rows` for an x of that shape; the last axis may differ."""
    return rows if len(shape) == 2 else batch_major(rows.reshape(shape[1], shape[0], -1))
