"""Arrays that begin after, and end before, a page which must not be touched: an access outside is a fault at once.

What was freed is handed out again for the next array of its size, as CuPy does.
"""

from __future__ import annotations

import ctypes
import mmap
import weakref

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_ALIGNMENT = 16  # of the widest load of a kernel


_free: dict[int, list[int]] = {}


def _new(size: int) -> int:
    """The address of so many bytes that end at an inaccessible page."""
    page = mmap.PAGESIZE
    inner = -(-size // page) * page
    base = _libc.mmap(None, inner + 2 * page, mmap.PROT_READ | mmap.PROT_WRITE, 0x22, -1, 0)
    assert base not in (None, ctypes.c_void_p(-1).value)
    for guard in (base, base + page + inner):
        assert _libc.mprotect(guard, page, 0) == 0
    return base + page + inner - size


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array of bytes 0xFF, which as a floating-point number are a NaN; its end is aligned at such a page."""
    count = int(np.prod(shape))
    size = -(-max(count * dtype.itemsize, 1) // _ALIGNMENT) * _ALIGNMENT
    free = _free.setdefault(size, [])
    address = free.pop() if free else _new(size)
    memory = (ctypes.c_ubyte * size).from_address(address)
    ctypes.memset(memory, 0xFF, size)
    weakref.finalize(memory, free.append, address)
    return np.frombuffer(memory, dtype, count).reshape(shape)
