"""The row operations of rnnfast.rows on a GPU. Nothing here waits for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast.backends.cuda_kernels import C_TYPES
from rnnfast.backends.cupy_launch import Kernels, pointer
from rnnfast.typing import Array

FILE = "rows.cu"
KERNELS = ("combine_rows", "put_rows", "rmsprop_rows", "sgd_rows")

_WARP, _MOST_THREADS = 32, 128
_POWERS = 3  # numbers that a block of an optimizer's kernel keeps in shared memory


class GpuRows:
    """See `rnnfast.rows.RowKernels`; arrays are C-contiguous on the device of the kernels."""

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def combine(self, ids: Array, values: Array) -> tuple[Array, Array]:
        cupy = self._kernels.cupy
        ids = ids.astype(np.int64, copy=False)
        rows, sums = cupy.empty(ids.shape, np.int64), cupy.empty(values.shape, values.dtype)
        self._launch(
            "combine_rows",
            ids.size,
            values,
            *_pointers(ids, ids.argsort(), values),
            np.int32(ids.size),
            np.int32(values.shape[1]),
            *_pointers(rows, sums),
        )
        return rows, sums

    def put(self, table: Array, rows: Array, values: Array) -> None:
        self._launch("put_rows", rows.size, table, *_pointers(table, rows, values), np.int32(table.shape[1]))

    def rmsprop_rows(
        self,
        weights: Array,
        accumulator: Array,
        mean_gradient: Array | None,
        velocity: Array | None,
        last_step: Array,
        rows: Array,
        sums: Array,
        *,
        step: int,
        learning_rate: float,
        rho: float,
        momentum: float,
        epsilon: float,
        epsilon_inside: bool,
    ) -> None:
        self._launch(
            "rmsprop_rows",
            rows.size,
            weights,
            *_pointers(weights, accumulator, mean_gradient, velocity, last_step, rows, sums),
            np.int32(weights.shape[1]),
            np.int64(step),
            *(np.float64(number) for number in (learning_rate, rho, momentum, epsilon)),
            np.int32(epsilon_inside),
        )

    def sgd_rows(
        self,
        weights: Array,
        velocity: Array | None,
        last_step: Array,
        rows: Array,
        sums: Array,
        *,
        step: int,
        learning_rate: float,
        momentum: float,
        nesterov: bool,
    ) -> None:
        self._launch(
            "sgd_rows",
            rows.size,
            weights,
            *_pointers(weights, velocity, last_step, rows, sums),
            np.int32(weights.shape[1]),
            np.int64(step),
            *(np.float64(number) for number in (learning_rate, momentum)),
            np.int32(nesterov),
        )

    def _launch(self, name: str, blocks: int, table: Array, *arguments: Any) -> None:
        """A kernel with a block for each row, of the dtype of `table` (., E)."""
        threads = min(-(-table.shape[1] // _WARP) * _WARP, _MOST_THREADS)
        expression = f"{name}<{C_TYPES[table.dtype.name]}>"
        shared_bytes = _POWERS * table.dtype.itemsize
        self._kernels.launch(FILE, expression, (blocks,), threads, *arguments, shared_bytes=shared_bytes)


def _pointers(*arrays: Array | None) -> list[np.uintp]:
    return [np.uintp(pointer(array)) for array in arrays]
