"""Where arrays lie, and what differs with it.

Everything else follows its operands: a function of NumPy that is given an array of CuPy is carried out by CuPy, on the
GPU (`__array_ufunc__` and `__array_function__`, and `like=` where there is no operand: NEPs 13, 18 and 35).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from rnnfast import _cpu, rows
from rnnfast.rows import RowKernels
from rnnfast.typing import Array, ArrayLike

_DLPACK_CUDA = 2


class MaskValues(NamedTuple):
    """What an element of a mask is: `chosen` with probability `rate`, else `other`."""

    rate: float
    chosen: float | bool
    other: float | bool


class RandomWords(NamedTuple):
    """Which words a generator draws: three numbers of 64 bits."""

    seed: int
    stream: int
    first: int


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


class ModelHome(Home, Protocol):
    """One that a whole model can lie in."""

    @property
    def rows(self) -> RowKernels:
        """The compiled operations on rows of tables that lie here."""

    def upload(self, array: Array) -> Array:
        """An array of NumPy as one that lies here, C-contiguous if it is a copy."""

    def random_mask(self, shape: tuple[int, ...], dtype: str, values: MaskValues, words: RandomWords) -> Array:
        """A new array whose element i follows from word i alone; see `rnnfast.random_masks`."""


class Host:
    """The memory of the processor: NumPy."""

    rows: RowKernels = rows

    def upload(self, array: Array) -> Array:
        return array

    def random_mask(self, shape: tuple[int, ...], dtype: str, values: MaskValues, words: RandomWords) -> Array:
        mask = np.empty(shape, dtype)
        _cpu.fill_mask(mask, *values, **words._asdict(), isa=_cpu.default_isa())
        return mask

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


def to_host(array: Any) -> Array:
    """An array of NumPy as it is; one on the GPU copied, which waits for it."""
    return array if isinstance(array, np.ndarray) else array.get()


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
