"""A stand-in for CuPy's arrays, and for its functions of them that rnnfast uses, over guarded memory of the CPU.

Functions take what CuPy's take, by the same names (test_stand_in.py compares them where CuPy is installed). Where CuPy
would refuse, so does this: an array does not turn into one of NumPy, and nothing takes NumPy's arrays for its own. What
comes to the host, or makes it wait, is counted (`TO_HOST`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import guarded_memory
import numpy as np

CUDA, CPU = 2, 1  # DLPack's numbers of device types
TO_HOST: list[str] = []
"""Whatever since it was last cleared came to the host."""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""By name; those of emulated_functions.py."""

_random = np.random.default_rng(0)


class Graph:
    """What was captured."""

    def __init__(self, operations: list[Callable[[], Any]]) -> None:
        self.operations = operations

    def launch(self) -> None:
        for operation in self.operations:
            Stream.current.submit(operation)


class Stream:
    """A stream, on which what is submitted runs at once, unless it is captured."""

    current: Stream
    operations = 0  # that have run, on all of them: the clock of emulated_events.py
    _captured: list[Callable[[], Any]] | None = None

    def __init__(self, ptr: int = 1, non_blocking: bool = False) -> None:
        self.ptr = ptr

    def __enter__(self) -> Stream:
        self._before, Stream.current = Stream.current, self
        return self

    def __exit__(self, *error: object) -> None:
        Stream.current = self._before

    def submit(self, operation: Callable[[], Any]) -> Any:
        if self._captured is None:
            Stream.operations += 1
            return operation()
        self._captured.append(operation)
        return None

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


def computed(function: Callable[..., Any], *arguments: Any, **options: Any) -> ndarray:
    """A new array: what a function of NumPy says of the memory of arrays and of scalars."""

    Stream.current.refuse_capture()

    def compute() -> ndarray:
        with np.errstate(all="ignore"):
            return new(function(*map(memory, arguments), **options))

    result: ndarray = Stream.current.submit(compute)
    return result


def written(out: ndarray, function: Callable[..., Any], *arguments: Any, **options: Any) -> ndarray:
    """The same, written to `out`."""
    given = [memory(argument) for argument in arguments]

    def compute() -> None:
        with np.errstate(all="ignore"):
            function(*given, out=out.memory, **options)

    Stream.current.submit(compute)
    return out


def memory(value: Any) -> Any:
    """The memory of an array, a scalar as it is; TypeError for what CuPy does not take."""
    if isinstance(value, ndarray):
        return value.memory
    if value is None or isinstance(value, bool | int | float | np.generic):
        return value
    raise TypeError(f"Unsupported type {type(value)}")


def new(result: Any) -> ndarray:
    """A copy of NumPy's result on the GPU, of no axes where NumPy has a scalar."""
    result = np.asarray(result)
    array = ndarray(guarded_memory.empty(result.shape, result.dtype))
    array.memory[...] = result
    return array


class ndarray:
    """An array that claims to lie on the GPU."""

    __array_priority__ = 100

    def __init__(self, memory: np.ndarray, device: int = 0) -> None:
        self.memory = memory
        self.device = SimpleNamespace(id=device)
        self.data = SimpleNamespace(ptr=memory.ctypes.data)

    shape = property(lambda self: self.memory.shape)
    ndim = property(lambda self: self.memory.ndim)
    dtype = property(lambda self: self.memory.dtype)
    size = property(lambda self: self.memory.size)
    nbytes = property(lambda self: self.memory.nbytes)
    strides = property(lambda self: self.memory.strides)
    T = property(lambda self: ndarray(self.memory.T))

    @property
    def flags(self) -> SimpleNamespace:
        given = self.memory.flags
        return SimpleNamespace(c_contiguous=given.c_contiguous, f_contiguous=given.f_contiguous)

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in UFUNCS:
            return NotImplemented
        if "out" in options:
            (options["out"],) = options["out"]
        return UFUNCS[ufunc.__name__](*inputs, **options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if function.__name__ not in FUNCTIONS or not all(t in (ndarray, np.ndarray) for t in types):
            return NotImplemented
        return FUNCTIONS[function.__name__](*arguments, **options)

    def __len__(self) -> int:
        return len(self.memory)

    def __getitem__(self, place: Any) -> ndarray:
        places = place if isinstance(place, tuple) else (place,)
        if not any(isinstance(one, ndarray) for one in places):
            return ndarray(self.memory[(*places, ...) if Ellipsis not in places else places])
        return computed(lambda: self.memory[_index(places)])

    def __setitem__(self, place: Any, value: ndarray | float) -> None:
        places = _index(place if isinstance(place, tuple) else (place,))
        given = memory(value)

        def write() -> None:
            # Of values for one place CuPy keeps any.
            targets = np.arange(self.memory.size).reshape(self.memory.shape)[places].reshape(-1)
            values = np.broadcast_to(given, self.memory[places].shape).reshape(-1)
            order = _random.permutation(targets.size)
            self.memory[np.unravel_index(targets[order], self.memory.shape)] = values[order]

        Stream.current.submit(write)

    def reshape(self, *shape: Any) -> ndarray:
        view = self.memory.reshape(*shape)
        return ndarray(view) if np.may_share_memory(view, self.memory) else computed(lambda: view)

    def transpose(self, *axes: Any) -> ndarray:
        return ndarray(self.memory.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        return ndarray(self.memory.swapaxes(axis1, axis2))

    def astype(
        self, dtype: Any, order: str = "K", casting: None = None, subok: None = None, copy: bool = True
    ) -> ndarray:
        return self if not copy and self.dtype == dtype else computed(np.ndarray.astype, self, dtype=dtype)

    def copy(self, order: str = "C") -> ndarray:
        return computed(lambda: self.memory)

    def fill(self, value: float) -> None:
        self[...] = value

    def take(self, indices: ndarray, axis: int | None = None, out: ndarray | None = None) -> ndarray:
        return computed(np.take, self, indices, axis=axis, mode="wrap") if out is None else _no_out()

    def argsort(self, axis: int = -1, kind: None = None) -> ndarray:
        return computed(np.argsort, self, axis=axis, kind="stable")

    def argmax(self, axis: int | None = None, out: None = None, dtype: None = None, keepdims: bool = False) -> ndarray:
        return computed(np.argmax, self, axis=axis, keepdims=keepdims)

    def get(self, stream: None = None, order: str = "C", out: None = None) -> np.ndarray:
        """Waits for the GPU and copies."""
        TO_HOST.append(f"{self.dtype} {self.shape}")
        return np.array(self.memory, order="C")

    def item(self) -> Any:
        return self.get().item()

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    def __dlpack__(self, **options: Any) -> Any:
        if "stream" not in options:  # who can read what lies on a GPU says on which stream
            raise BufferError("the array is on a GPU")
        return self.memory.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.device.id


def _index(places: tuple[Any, ...]) -> tuple[Any, ...]:
    """Places as NumPy takes them. Those that a mask chooses have to be counted first."""
    if any(isinstance(one, ndarray) and one.dtype == bool for one in places):
        TO_HOST.append("the number of places that a mask chooses")
    return tuple(one.memory if isinstance(one, ndarray) else one for one in places)


def _no_out() -> Any:
    raise AssertionError("`out` has no stand-in")


def _ufunc(name: str) -> Callable[..., ndarray]:
    function = getattr(np, name)

    def call(*inputs: Any, out: ndarray | None = None, dtype: Any = None, casting: str = "same_kind") -> ndarray:
        options = {"casting": casting, **({} if dtype is None else {"dtype": dtype})}
        if out is None:
            return computed(function, *inputs, **options)
        assert isinstance(out, ndarray)
        return written(out, function, *inputs, **options)

    return call


UFUNCS = {
    name: _ufunc(name)
    for name in (
        *("add", "subtract", "multiply", "divide", "power", "negative", "absolute", "sign", "copysign"),
        *("maximum", "minimum", "fmax", "exp", "expm1", "log", "log1p", "sqrt", "tanh", "isfinite"),
        *("less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "bitwise_and", "bitwise_or"),
        "invert",
    )
}
_OPERATORS = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power"}
_OPERATORS |= {"and": "bitwise_and", "or": "bitwise_or"}
_COMPARISONS = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal"}
_COMPARISONS |= {"ne": "not_equal"}


def _add_operators() -> None:
    for operator, name in (_OPERATORS | _COMPARISONS).items():
        setattr(ndarray, f"__{operator}__", lambda self, other, f=UFUNCS[name]: f(self, other))
    for operator, name in _OPERATORS.items():
        setattr(ndarray, f"__r{operator}__", lambda self, other, f=UFUNCS[name]: f(other, self))
        setattr(ndarray, f"__i{operator}__", lambda self, other, f=UFUNCS[name]: f(self, other, out=self))
    for operator, name in {"neg": "negative", "invert": "invert", "abs": "absolute"}.items():
        setattr(ndarray, f"__{operator}__", lambda self, f=UFUNCS[name]: f(self))
    ndarray.__matmul__ = lambda self, other: FUNCTIONS["matmul"](self, other)


def _add_reductions() -> None:
    def plain(name: str) -> Callable[..., ndarray]:
        def reduce(self: ndarray, axis: Any = None, out: None = None, keepdims: bool = False) -> ndarray:
            return computed(getattr(np, name), self, axis=axis, keepdims=keepdims)

        return reduce

    def typed(name: str) -> Callable[..., ndarray]:
        def reduce(
            self: ndarray, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False
        ) -> ndarray:
            return computed(getattr(np, name), self, axis=axis, dtype=dtype, keepdims=keepdims)

        return reduce

    for name in ("max", "min", "any", "all"):
        setattr(ndarray, name, plain(name))
    for name in ("sum", "mean"):
        setattr(ndarray, name, typed(name))


_add_operators()
_add_reductions()
