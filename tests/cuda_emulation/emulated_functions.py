"""A stand-in for the functions of CuPy that rnnfast uses and that are no ufuncs; see emulated_arrays.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import emulated_arrays as arrays
import guarded_memory
import numpy as np


def empty(shape: tuple[int, ...] | int, dtype: Any = float, order: str = "C") -> Any:
    arrays.Stream.current.refuse_capture()
    shape = (shape,) if isinstance(shape, int) else shape
    return arrays.ndarray(guarded_memory.empty(tuple(shape), np.dtype(dtype)))


def zeros(shape: tuple[int, ...] | int, dtype: Any = float, order: str = "C") -> Any:
    array = empty(shape, dtype)
    array.fill(0)
    return array


def asarray(a: Any, dtype: Any = None, order: str | None = None, *, blocking: bool = False) -> Any:
    if isinstance(a, arrays.ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    return arrays.new(np.asarray(a, dtype))


def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    array = asarray(a, dtype)
    return array if array.memory.flags.c_contiguous else array.copy()


def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: None = None, shape: tuple[int, ...] | None = None
) -> Any:
    return empty(prototype.shape if shape is None else shape, dtype or prototype.dtype)


def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None
) -> Any:
    array = empty_like(a, dtype, shape=shape)
    array.fill(fill_value)
    return array


def zeros_like(a: Any, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None) -> Any:
    return full_like(a, 0, dtype, shape=shape)


def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: None = None, shape: Any = None) -> Any:
    return full_like(a, 1, dtype, shape=shape)


def arange(start: int, stop: int | None = None, step: int = 1, dtype: Any = None) -> Any:
    return arrays.computed(np.arange, start if stop is not None else 0, start if stop is None else stop, step)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C") -> Any:
    return arrays.computed(np.eye, N, M, k, dtype=dtype)


def copyto(dst: Any, src: Any, casting: str = "same_kind", where: None = None) -> None:
    arrays.written(dst, np.positive, src, casting=casting)


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return arrays.computed(np.where, condition, x, y)


def clip(a: Any, a_min: Any, a_max: Any, out: Any = None) -> Any:
    if out is None:
        return arrays.computed(np.clip, a, a_min, a_max)
    return arrays.written(out, np.clip, a, a_min, a_max)


def concatenate(tup: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    return arrays.computed(lambda *parts: np.concatenate(parts, axis=axis), *tup)


def count_nonzero(a: Any, axis: int | None = None) -> Any:
    return arrays.computed(np.count_nonzero, a, axis=axis)


def repeat(a: Any, repeats: int, axis: int | None = None) -> Any:
    return arrays.computed(np.repeat, a, repeats, axis=axis)


def take_along_axis(a: Any, indices: Any, axis: int) -> Any:
    return arrays.computed(np.take_along_axis, a, indices, axis=axis)


def broadcast_to(array: Any, shape: tuple[int, ...]) -> Any:
    return arrays.ndarray(np.broadcast_to(array.memory, shape))


def searchsorted(a: Any, v: Any, side: str = "left", sorter: None = None) -> Any:
    return arrays.computed(np.searchsorted, a, v, side=side)


def bincount(x: Any, weights: Any = None, minlength: int | None = None) -> Any:
    arrays.TO_HOST.append("the largest of the numbers that bincount counts")
    return arrays.computed(lambda x, weights: np.bincount(x, weights, minlength), x, weights)


def vdot(a: Any, b: Any) -> Any:
    return arrays.computed(np.vdot, a, b)


def matmul(a: Any, b: Any, out: Any = None) -> Any:
    for given in (a, b):
        assert isinstance(given, arrays.ndarray)
    arrays.Stream.current.refuse_capture()
    return arrays.computed(np.matmul, a, b) if out is None else arrays.written(out, np.matmul, a, b)


def from_dlpack(array: Any) -> Any:
    kind, device = array.__dlpack_device__()
    if kind != arrays.CUDA:
        raise BufferError("the array is not on a GPU")
    on_host = SimpleNamespace(
        __dlpack__=lambda **_: array.__dlpack__(stream=1), __dlpack_device__=lambda: (arrays.CPU, 0)
    )
    return arrays.ndarray(np.from_dlpack(on_host), device)


arrays.FUNCTIONS |= {
    function.__name__: function
    for function in (
        *(empty, zeros, asarray, ascontiguousarray, empty_like, full_like, zeros_like, ones_like, arange, eye),
        *(copyto, where, clip, concatenate, count_nonzero, repeat, take_along_axis, broadcast_to, searchsorted),
        *(bincount, vdot, matmul, from_dlpack),
    )
}
