"""Arrays on a GPU, as Numba has them: the `Home` of the checks for the backend `numba`."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast.backends.numba_launch import NumbaDevice, copied
from rnnfast.home import HOST, is_of_numba, is_on_gpu
from rnnfast.typing import Array, ArrayLike


class NumbaHome:
    """The memory of Numba's current device.

    Arrays there come in without a copy and without waiting. NumPy's are checked where they are and copied there last,
    in `contiguous` and `lengths`, which waits for the copy.
    """

    def __init__(self, device: NumbaDevice) -> None:
        self._device = device

    def as_array(self, name: str, value: ArrayLike) -> Array:
        """NumPy's array as it is, another on the GPU as one of Numba's; TypeError or ValueError for anything else."""
        from numba import cuda

        if isinstance(value, np.ndarray):
            if name == "out":
                raise TypeError("out: expected an array on the GPU, as numba.cuda.device_array makes it, got NumPy's")
            return value
        number = _device_of(value)
        if number not in (None, self._device.number):
            raise ValueError(
                f"{name}: expected an array on the current device, {self._device.number}, got one on device {number}; "
                "numba.cuda.select_device makes another the current one"
            )
        if is_of_numba(value):
            return value  # type: ignore[no-any-return]
        try:
            array = cuda.as_cuda_array(value, sync=False)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
            raise TypeError(
                f"{name}: expected an array on the GPU (Numba's, or one that has __cuda_array_interface__) or NumPy's, "
                f"got {type(value).__name__} ({error})"
            ) from error
        if array.stream:  # what fills it is ahead of all that comes on the default stream from here on
            filled = cuda.event(timing=False)
            filled.record(array.stream)
            filled.wait()
            array = array.bind()
        return array  # type: ignore[no-any-return]

    def contiguous(self, array: Array) -> Array:
        from numba import cuda

        if isinstance(array, np.ndarray):
            return cuda.to_device(np.ascontiguousarray(array))  # type: ignore[no-any-return]
        return array if array.is_c_contiguous() else copied(array)

    def lengths(self, given: Array, seq_len: int) -> Array:
        """Integers (B,). Those on the GPU are not looked at, for that would wait; outside 0..T they count as cut."""
        if isinstance(given, np.ndarray):
            return self.contiguous(HOST.lengths(given, seq_len).astype(np.int32))
        if given.dtype.kind not in "iu":
            raise TypeError(f"lengths: expected an integer dtype, got {given.dtype}")
        return self.contiguous(given)

    def is_writeable(self, array: Array) -> bool:
        return True

    def overlap(self, a: Array, b: Array) -> bool:
        first, second = _address(a), _address(b)
        return first < second + b.nbytes and second < first + a.nbytes


def _device_of(value: Any) -> int | None:
    """The number of the device that an array says it is on."""
    memory = getattr(value, "gpu_data", None)
    if memory is not None:
        return int(memory.context.device.id)
    return int(value.__dlpack_device__()[1]) if is_on_gpu(value) and not is_of_numba(value) else None


def _address(array: Any) -> int:
    """Where an array begins; the simulator's lie on the host."""
    pointer = getattr(array, "device_ctypes_pointer", None)
    return int(array.ctypes.data if pointer is None else pointer.value)
