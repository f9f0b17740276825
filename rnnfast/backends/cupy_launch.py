"""Compiles the kernels on a device through CuPy, and launches them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast import _cpu
from rnnfast.backends import cuda_kernels
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_phases import phase
from rnnfast.home import MaskValues, RandomWords
from rnnfast.problem import Problem
from rnnfast.typing import Array

THREADS = 256
"""Of a block of the kernels in which a thread has an element."""

# What a kernel may use of shared memory without asking for more.
_SHARED_BYTES_UNASKED = 48 * 1024


def pointer(array: Array | None) -> int:
    """Where an array on the GPU begins; 0 for None."""
    return 0 if array is None else int(array.data.ptr)  # type: ignore[attr-defined]


def first_line(error: Exception) -> str:
    """Of its message, or its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class Kernels:
    """The kernels on one device. Each is compiled at its first launch; CuPy keeps what it compiled on disk.

    Args:
        cupy: the module.
        number: of the device.
    """

    def __init__(self, cupy: Any, number: int) -> None:
        self.cupy = cupy
        self.number = number
        self.device = Device.from_cupy(cupy, number)
        self._compiled: dict[tuple[str, str], Any] = {}

    def launch(
        self,
        file: str,
        expression: str,
        grid: tuple[int, ...],
        threads: int,
        *arguments: Any,
        shared_bytes: int = 0,
        cooperative: bool = False,
    ) -> None:
        """Puts a kernel of a .cu file on the current stream: `grid` blocks of `threads` threads.

        Args:
            arguments: structs and scalars of NumPy, as the kernel takes them.

        Raises:
            RuntimeError: it cannot be compiled here.
        """
        kernel = self._kernel(file, expression)
        if shared_bytes > max(_SHARED_BYTES_UNASKED, kernel.max_dynamic_shared_size_bytes):
            kernel.max_dynamic_shared_size_bytes = shared_bytes
        if cooperative:
            # Not by the option of RawModule, which links a library for the barrier that these kernels do not use.
            kernel.kernel(grid, (threads,), arguments, shared_mem=shared_bytes, enable_cooperative_groups=True)
        else:
            kernel(grid, (threads,), arguments, shared_mem=shared_bytes)

    def elementwise(self, file: str, expression: str, count: int, *arguments: Any) -> None:
        """Puts a kernel on the current stream that has a thread for each of `count` elements."""
        self.launch(file, expression, (-(-count // THREADS),), THREADS, *arguments)

    def _kernel(self, file: str, expression: str) -> Any:
        key = file, expression
        if key not in self._compiled:
            try:
                module = self.cupy.RawModule(
                    code=cuda_kernels.source(file), options=cuda_kernels.OPTIONS, name_expressions=(expression,)
                )
                self._compiled[key] = module.get_function(expression)
            except Exception as error:  # whatever a CUDA that is not all there leads to
                raise RuntimeError(
                    f"backend: 'cupy' cannot compile {expression} ({first_line(error)}). The compiler NVRTC and the "
                    "headers of CUDA are in the packages nvidia-cuda-nvrtc-cu12 and nvidia-cuda-runtime-cu12, for CUDA "
                    "13 without -cu12"
                ) from error
        return self._compiled[key]

    def random_mask(self, mask: Array, values: MaskValues, words: RandomWords) -> Array:
        """Fills a mask, as `Home.random_mask` has it."""
        kind = mask.dtype.type
        self.elementwise(
            "random_masks.cu",
            f"fill_mask<{cuda_kernels.MASK_TYPES[mask.dtype.name]}>",
            -(-mask.size // _cpu.block_words),
            np.uintp(pointer(mask)),
            np.int64(mask.size),
            np.uint32(min(int(values.rate * 2**32 + 0.5), 2**32 - 1)),
            kind(values.chosen),
            kind(values.other),
            *(np.uint64(number) for number in words),
        )
        return mask

    def positions(self, problem: Problem, lengths: Array | None, mask: Array | None) -> Array | None:
        """The valid steps before each step, (T, B) int32, -1 where it is masked; None where none can be."""
        if lengths is None and mask is None:
            return None
        position: Array = self.cupy.empty((problem.seq_len, problem.batch), np.int32)
        with phase(self.cupy, "masks"):
            self.elementwise(
                "masked.cu",
                "number_steps",
                problem.batch,
                np.uintp(pointer(lengths)),
                np.uintp(pointer(mask)),
                np.int32(problem.seq_len),
                np.int32(problem.batch),
                np.int32(problem.reverse),
                np.uintp(pointer(position)),
            )
        return position

    def clear_masked(self, x: Array, position: Array) -> Array:
        """A copy of x (T, B, n) with zeros at masked steps."""
        cleared: Array = self.cupy.empty(x.shape, x.dtype)
        with phase(self.cupy, "masks"):
            self.elementwise(
                "masked.cu",
                f"clear_masked<{cuda_kernels.C_TYPES[x.dtype.name]}>",
                x.size,
                np.uintp(pointer(x)),
                np.uintp(pointer(position)),
                np.int64(x.shape[0] * x.shape[1]),
                np.int32(x.shape[2]),
                np.uintp(pointer(cleared)),
            )
        return cleared

    def hold_states(self, problem: Problem, y: Array, h0: Array | None, position: Array) -> Array:
        """h_{t-1} of every step, (T, B, H), where steps are masked."""
        previous: Array = self.cupy.empty(y.shape, y.dtype)
        with phase(self.cupy, "masks"):
            self.elementwise(
                "masked.cu",
                f"hold_states<{cuda_kernels.C_TYPES[problem.arithmetic]}>",
                problem.batch * problem.hidden_size,
                np.uintp(pointer(y)),
                np.uintp(pointer(h0)),
                np.uintp(pointer(position)),
                np.int32(problem.seq_len),
                np.int32(problem.batch),
                np.int32(problem.hidden_size),
                np.int32(problem.reverse),
                np.uintp(pointer(previous)),
            )
        return previous
