"""Arrays on a GPU, as CuPy has them: the `Home` of the backend `cupy`."""

from __future__ import annotations

import numpy as np

from rnnfast.backends.cupy_launch import Kernels
from rnnfast.backends.cupy_rows import GpuRows
from rnnfast.home import HOST, MaskValues, RandomWords
from rnnfast.rows import RowKernels
from rnnfast.typing import Array, ArrayLike


class GpuHome:
    """The memory of CuPy's current device. Nothing here waits for the GPU.

    Args:
        kernels: of that device.
    """

    rows: RowKernels

    def __init__(self, kernels: Kernels) -> None:
        self._kernels, self._cupy = kernels, kernels.cupy
        self.rows = GpuRows(kernels)

    def upload(self, array: Array) -> Array:
        return self._cupy.asarray(np.ascontiguousarray(array))  # type: ignore[no-any-return]

    def random_mask(self, shape: tuple[int, ...], dtype: str, values: MaskValues, words: RandomWords) -> Array:
        return self._kernels.random_mask(self._cupy.empty(shape, dtype), values, words)

    def as_array(self, name: str, value: ArrayLike) -> Array:
        """A CuPy array, or another's array on the GPU without a copy; TypeError or ValueError for anything else.

        `lengths` may be NumPy's too.
        """
        if name == "lengths" and isinstance(value, np.ndarray):
            return value
        if isinstance(value, self._cupy.ndarray):
            given = value
        elif isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__"):
            raise TypeError(
                f"{name}: expected an array on the GPU (CuPy's, or one that speaks DLPack), got "
                f"{'a NumPy array; cupy.asarray copies it there' if isinstance(value, np.ndarray) else type(value)}"
            )
        else:
            try:
                given = self._cupy.from_dlpack(value)
            except (BufferError, RuntimeError, TypeError, ValueError) as error:
                kind = type(value).__name__
                raise TypeError(f"{name}: expected an array on the GPU, got {kind} ({error})") from error
        current = self._cupy.cuda.Device().id
        if given.device.id != current:
            raise ValueError(
                f"{name}: expected an array on the current device, {current}, got one on device {given.device.id}; "
                "`with cupy.cuda.Device(n):` makes another the current one"
            )
        return given  # type: ignore[no-any-return]

    def contiguous(self, array: Array) -> Array:
        return self._cupy.ascontiguousarray(array)  # type: ignore[no-any-return]

    def lengths(self, given: Array, seq_len: int) -> Array:
        """(B,) int32. Those on the GPU are not looked at, for that would wait: outside 0..T they count as cut to it."""
        if isinstance(given, np.ndarray):
            return self._cupy.asarray(HOST.lengths(given, seq_len).astype(np.int32))  # type: ignore[no-any-return]
        if given.dtype.kind not in "iu":
            raise TypeError(f"lengths: expected an integer dtype, got {given.dtype}")
        return self.contiguous(given.astype(np.int32))

    def is_writeable(self, array: Array) -> bool:
        return True

    def overlap(self, a: Array, b: Array) -> bool:
        first, second = (array.data.ptr for array in (a, b))  # type: ignore[attr-defined]
        return bool(first < second + b.nbytes and second < first + a.nbytes)
