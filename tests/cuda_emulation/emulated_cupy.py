"""A stand-in for the calls of CuPy that rnnfast makes, over guarded memory of the CPU and emulated kernels.

Arrays and their functions are those of emulated_arrays.py. `Device.attributes` are those of the device that `make` is
given.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import emulated_functions  # noqa: F401  # fills FUNCTIONS
import numpy as np
from emulated_arrays import FUNCTIONS, TO_HOST, UFUNCS, Graph, Stream, ndarray
from emulated_events import Event, get_elapsed_time, nvtx, wait
from emulated_kernels import EmulatedFile

from rnnfast.backends import cuda_kernels

__all__ = ["Graph", "RawKernel", "Stream", "make", "ndarray"]


class RawKernel:
    """A kernel, launched with structs and scalars of NumPy, which it gets by value."""

    def __init__(self, file: EmulatedFile, expression: str) -> None:
        self._file, self._expression = file, expression
        self.max_dynamic_shared_size_bytes = 48 * 1024

    @property
    def kernel(self) -> RawKernel:
        return self

    def __call__(
        self,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        args: tuple[Any, ...],
        *,
        shared_mem: int = 0,
        enable_cooperative_groups: bool = False,
    ) -> None:
        assert all(isinstance(value, np.generic) or (type(value) is np.ndarray and value.size == 1) for value in args)
        assert shared_mem <= self.max_dynamic_shared_size_bytes
        values = [np.array(value) for value in args]
        Stream.current.submit(
            lambda: self._file.launch(self._expression, grid, block, values, shared_mem, enable_cooperative_groups)
        )


def make(files: dict[str, EmulatedFile], attributes: dict[str, int], capability: str) -> ModuleType:
    """A module to stand for `cupy`, whose kernels are those of the files by name."""
    by_source = {cuda_kernels.source(name): file for name, file in files.items()}

    class RawModule:
        def __init__(self, *, code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> None:
            Stream.current.refuse_capture()
            self._file = by_source[code]
            self._expressions = name_expressions

        def get_function(self, name: str) -> RawKernel:
            assert name in self._expressions
            return RawKernel(self._file, name)

    class Device:
        def __init__(self, number: int = 0) -> None:
            self.id = number
            self.attributes = attributes
            self.compute_capability = capability

        def synchronize(self) -> None:
            """Everything has run as it was submitted; on a GPU this waits."""
            TO_HOST.append("all streams of a device")
            wait()

    module = ModuleType("cupy")
    module.__dict__.update(
        **UFUNCS,
        **FUNCTIONS,
        ndarray=ndarray,
        asnumpy=lambda array: array.get(),
        RawModule=RawModule,
        cuda=SimpleNamespace(
            Device=Device,
            Event=Event,
            Stream=Stream,
            get_elapsed_time=get_elapsed_time,
            nvtx=nvtx,
            get_current_stream=lambda: Stream.current,
            runtime=SimpleNamespace(
                getDeviceCount=lambda: 1,
                getDeviceProperties=lambda number: {"name": b"an emulated GPU"},
            ),
        ),
    )
    return module
