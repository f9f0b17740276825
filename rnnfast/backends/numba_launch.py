"""The device that Numba has, and how kernels are put on it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnnfast.typing import Array

THREADS = 256
"""Of a block of the kernels in which a thread has an element."""


@dataclass(frozen=True)
class NumbaDevice:
    """Numba's current device.

    Args:
        number, name: of it.
        multiprocessors: how many.
    """

    number: int
    name: str
    multiprocessors: int

    @classmethod
    def current(cls) -> NumbaDevice:
        """The one that the calling thread has chosen, by default the first; or Numba's simulator of one."""
        from numba import config, cuda

        if config.ENABLE_CUDASIM:
            return cls(0, "Numba's simulator", 2)
        device = cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else device.name
        return cls(device.id, name, device.MULTIPROCESSOR_COUNT)


def configured(kernel: Any, grid: tuple[int, ...], threads: tuple[int, ...]) -> Callable[..., None]:
    """The kernel, to be called with its arguments: it goes on Numba's default stream, which nobody waits for."""
    from numba.core.errors import NumbaPerformanceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # that so few blocks leave multiprocessors idle
        return kernel[grid, threads]  # type: ignore[no-any-return]


def elementwise(kernel: Any, count: int, *arguments: object) -> None:
    """Puts a kernel on the stream that has a thread for each of `count` elements."""
    configured(kernel, (-(-count // THREADS),), (THREADS,))(*arguments)


def tiled(kernel: Any, rows: int, columns: int) -> Callable[..., None]:
    """A kernel that has a thread for each element of a matrix, in square tiles."""
    from rnnfast.backends.numba_kernels.product import TILE

    return configured(kernel, (-(-columns // TILE), -(-rows // TILE)), (TILE, TILE))


def empty(shape: tuple[int, ...], dtype: str) -> Array:
    """An array on the device."""
    from numba import cuda

    return cuda.device_array(shape, dtype)  # type: ignore[no-any-return]


def copied(array: Array) -> Array:
    """A copy in C order, of an array on the device of any strides."""
    from rnnfast.backends.numba_kernels import copies

    result = empty(tuple(array.shape), array.dtype.name)
    elementwise(copies.copy, array.size, array, result.reshape(array.size))
    return result


def zeros(shape: tuple[int, ...], dtype: str) -> Array:
    """An array of zeros on the device."""
    from rnnfast.backends.numba_kernels import copies

    result = empty(shape, dtype)
    elementwise(copies.fill(dtype), result.size, result.reshape(result.size))
    return result


def transposed(matrix: Array) -> Array:
    """A copy of a matrix on the device, turned."""
    from rnnfast.backends.numba_kernels import copies

    rows, columns = matrix.shape
    result = empty((columns, rows), matrix.dtype.name)
    elementwise(copies.transpose, matrix.size, matrix, result)
    return result
