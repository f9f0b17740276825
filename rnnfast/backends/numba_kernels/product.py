"""Matrix products by tiles in shared memory, and the sum of rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

TILE = 16
"""Rows and columns of a thread block, and the depth that it goes through at a time."""


@lru_cache
def tile_product(dtype: str) -> Any:
    """A device function, for blocks of TILE x TILE threads."""
    T = np.dtype(dtype).type
    zero, tile = T(0), TILE
    padded = tile + 1  # so that a column of a tile lies in different banks

    @cuda.jit(device=True)
    def product(a, b, transposed):
        """Element cuda.grid(2) = (column, row) of a b, or if transposed of a^T b; anything beyond the last.

        Each thread reads an element of either tile from memory, then the block shares all of them.
        """
        column, row = cuda.grid(2)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        a_tile = cuda.shared.array((tile, padded), T)
        b_tile = cuda.shared.array((tile, tile), T)
        total = zero
        for first in range(0, b.shape[0], tile):
            if transposed:  # threads side by side read what lies side by side, and turn the tile
                d, i = first + y, row - y + x
                a_tile[x, y] = a[d, i] if d < a.shape[0] and i < a.shape[1] else zero
            else:
                i, d = row, first + x
                a_tile[y, x] = a[i, d] if i < a.shape[0] and d < a.shape[1] else zero
            d = first + y
            b_tile[y, x] = b[d, column] if d < b.shape[0] and column < b.shape[1] else zero
            cuda.syncthreads()
            for d in range(tile):
                total += a_tile[y, d] * b_tile[d, x]
            cuda.syncthreads()
        return total

    return product


@lru_cache
def matmul(dtype: str) -> Any:
    """out (m, n) := a (m, k) b (k, n), or if transposed a (k, m)^T b (k, n). A thread has an element."""
    product = tile_product(dtype)

    @cuda.jit
    def matmul(a, b, transposed, out):
        column, row = cuda.grid(2)
        element = product(a, b, transposed)
        if row < out.shape[0] and column < out.shape[1]:
            out[row, column] = element

    return matmul


@lru_cache
def column_sums(dtype: str) -> Any:
    """out (n,) := sums over the rows of a (m, n). A block has TILE columns; TILE threads share the rows of each."""
    T = np.dtype(dtype).type
    zero, tile = T(0), TILE

    @cuda.jit
    def column_sums(a, out):
        column = cuda.grid(1)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        partial = cuda.shared.array((tile, tile), T)
        total = zero
        if column < a.shape[1]:
            for row in range(y, a.shape[0], tile):
                total += a[row, column]
        partial[y, x] = total
        cuda.syncthreads()
        if y == 0 and column < a.shape[1]:
            total = zero
            for part in range(tile):
                total += partial[part, x]
            out[column] = total

    return column_sums
