"""Where arrays lie: what the checks of array arguments have to know of it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rnnfast.typing import Array, ArrayLike

_DLPACK_CUDA = 2


class Home(Protocol):
    """The memory that a backend's arrays lie in."""

    def as_array(self, name: str, value: ArrayLike) -> Array:
        """`value` as an array that lies here, without a copy; TypeError unless it is one or speaks DLPack."""

    def contiguous(self, array: Array) -> Array:
        """The array, or a copy, C-contiguous and aligned."""

    def lengths(self, given: Array, seq_len: int) -> Array:
        """`lengths` as the kernels read them; ValueError or TypeError unless they are integers in 0..seq_len."""

    def is_writeable(self, array: Array) -> bool:
        """Whether results may be written to it."""

    def overlap(self, a: Array, b: Array) -> bool:
        """Whether the two may share memory."""


class Host:
    """The memory of the processor: NumPy."""

    def as_array(self, name: str, value: ArrayLike) -> Array:
        if isinstance(value, np.ndarray):
            return value
        if hasattr(value, "__dlpack__"):
            try:
                return np.from_dlpack(value)
            except (BufferError, RuntimeError, TypeError, ValueError) as error:
                kind = type(value).__name__
                raise TypeError(f"{name}: expected an array on the CPU, got {kind} ({error})") from error
        raise TypeError(f"{name}: expected a NumPy array or one that speaks DLPack, got {type(value).__name__}")

    def contiguous(self, array: Array) -> Array:
        return np.require(array, requirements=["C", "A"])

    def lengths(self, given: Array, seq_len: int) -> Array:
        if given.dtype.kind not in "iu":
            raise TypeError(f"lengths: expected an integer dtype, got {given.dtype}")
        low, high = int(given.min()), int(given.max())
        if low < 0 or high > seq_len:
            raise ValueError(f"lengths: expected values in 0..{seq_len}, got values in {low}..{high}")
        return np.require(given, np.int64, ["C", "A"])

    def is_writeable(self, array: Array) -> bool:
        return array.flags.writeable

    def overlap(self, a: Array, b: Array) -> bool:
        return np.may_share_memory(a, b)


HOST = Host()


def is_on_gpu(value: ArrayLike) -> bool:
    """Whether an array lies on a CUDA device: one of Numba's, or as far as DLPack says."""
    if isinstance(value, np.ndarray):
        return False
    if is_of_numba(value) or not hasattr(value, "__dlpack_device__"):
        return is_of_numba(value)
    return int(value.__dlpack_device__()[0]) == _DLPACK_CUDA


def is_of_numba(value: ArrayLike) -> bool:
    """Whether it is an array of Numba's on a CUDA device; they speak no DLPack."""
    return bool(getattr(value, "__cuda_ndarray__", False))
