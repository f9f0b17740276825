"""A stand-in for the calls of CuPy that the backend makes, over guarded memory of the CPU and emulated kernels.

Where CuPy would refuse, so does this: an array does not turn into one of NumPy, and an operation does not take NumPy's
arrays. `Device.attributes` are those of the device that `make` is given.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import guarded_memory
import numpy as np
from emulated_kernels import EmulatedFile

from rnnfast.backends import cuda_kernels

CUDA, CPU = 2, 1  # DLPack's numbers of device types


class ndarray:
    """An array that claims to lie on the GPU."""

    __array_ufunc__ = None

    def __init__(self, memory: np.ndarray, device: int = 0) -> None:
        self.memory = memory
        self.device = SimpleNamespace(id=device)
        self.data = SimpleNamespace(ptr=memory.ctypes.data)

    shape = property(lambda self: self.memory.shape)
    dtype = property(lambda self: self.memory.dtype)
    size = property(lambda self: self.memory.size)
    nbytes = property(lambda self: self.memory.nbytes)
    strides = property(lambda self: self.memory.strides)
    T = property(lambda self: ndarray(self.memory.T))

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __len__(self) -> int:
        return len(self.memory)

    def __getitem__(self, place: Any) -> ndarray:
        return ndarray(self.memory[place])

    def __setitem__(self, place: Any, value: ndarray | float) -> None:
        submit(lambda: self.memory.__setitem__(place, value.memory if isinstance(value, ndarray) else value))

    def __iadd__(self, other: ndarray) -> ndarray:
        submit(lambda: self.memory.__iadd__(other.memory))
        return self

    def reshape(self, *shape: int) -> ndarray:
        view = self.memory.reshape(*shape)
        assert np.may_share_memory(view, self.memory), "this would be a copy"
        return ndarray(view)

    def astype(self, dtype: Any) -> ndarray:
        return asarray(self.memory.astype(dtype))

    def copy(self) -> ndarray:
        return asarray(self.memory)

    def sum(self, axis: int) -> ndarray:
        return asarray(self.memory.sum(axis))

    def get(self) -> np.ndarray:
        """Waits for the GPU and copies."""
        return self.memory.copy()

    def __dlpack__(self, **options: Any) -> Any:
        if "stream" not in options:  # who can read what lies on a GPU says on which stream
            raise BufferError("the array is on a GPU")
        return self.memory.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.device.id


class Graph:
    """What was captured."""

    def __init__(self, operations: list[Callable[[], object]]) -> None:
        self.operations = operations

    def launch(self) -> None:
        for operation in self.operations:
            submit(operation)


class Stream:
    """A stream, on which what is submitted runs at once, unless it is captured."""

    current: Stream
    _captured: list[Callable[[], object]] | None = None

    def __init__(self, ptr: int = 1, non_blocking: bool = False) -> None:
        self.ptr = ptr

    def __enter__(self) -> Stream:
        self._before, Stream.current = Stream.current, self
        return self

    def __exit__(self, *error: object) -> None:
        Stream.current = self._before

    def submit(self, operation: Callable[[], object]) -> None:
        if self._captured is None:
            operation()
        else:
            self._captured.append(operation)

    def begin_capture(self) -> None:
        assert self.ptr, "CUDA captures no default stream"
        self._captured = []

    def end_capture(self) -> Graph:
        graph, self._captured = Graph(self._captured or []), None
        return graph

    def refuse_capture(self) -> None:
        """For what must not, or as CuPy has it cannot, happen while a stream is captured."""
        if self._captured is not None:
            raise NotImplementedError("not while a stream is captured")


Stream.current = Stream(0)


def submit(operation: Callable[[], object]) -> None:
    Stream.current.submit(operation)


def empty(shape: tuple[int, ...] | int, dtype: Any = np.float64) -> ndarray:
    Stream.current.refuse_capture()
    shape = (shape,) if isinstance(shape, int) else shape
    return ndarray(guarded_memory.empty(shape, np.dtype(dtype)))


def asarray(value: np.ndarray | ndarray) -> ndarray:
    if isinstance(value, ndarray):
        return value
    array = empty(value.shape, value.dtype)
    array.memory[...] = value
    return array


def zeros(shape: tuple[int, ...] | int, dtype: Any = np.float64) -> ndarray:
    array = empty(shape, dtype)
    array.memory[...] = 0
    return array


def ascontiguousarray(array: ndarray) -> ndarray:
    assert isinstance(array, ndarray)
    return array if array.memory.flags.c_contiguous else asarray(array.memory)


def matmul(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    assert all(isinstance(array, ndarray) for array in (a, b))
    Stream.current.refuse_capture()
    result = empty((*a.shape[:-1], b.shape[-1]), a.dtype) if out is None else out

    def multiply() -> None:
        with np.errstate(all="ignore"):
            np.matmul(a.memory, b.memory, out=result.memory)

    submit(multiply)
    return result


def from_dlpack(value: Any) -> ndarray:
    kind, device = value.__dlpack_device__()
    if kind != CUDA:
        raise BufferError("the array is not on a GPU")
    on_host = SimpleNamespace(__dlpack__=lambda **_: value.__dlpack__(stream=1), __dlpack_device__=lambda: (CPU, 0))
    return ndarray(np.from_dlpack(on_host), device)


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
        submit(lambda: self._file.launch(self._expression, grid, block, values, shared_mem, enable_cooperative_groups))


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
            """Everything has run as it was submitted."""

    module = ModuleType("cupy")
    module.__dict__.update(
        ndarray=ndarray,
        empty=empty,
        zeros=zeros,
        asarray=asarray,
        ascontiguousarray=ascontiguousarray,
        asnumpy=lambda array: array.get(),
        matmul=matmul,
        from_dlpack=from_dlpack,
        RawModule=RawModule,
        cuda=SimpleNamespace(
            Device=Device,
            Stream=Stream,
            get_current_stream=lambda: Stream.current,
            runtime=SimpleNamespace(
                getDeviceCount=lambda: 1,
                getDeviceProperties=lambda number: {"name": b"an emulated GPU"},
            ),
        ),
    )
    return module
