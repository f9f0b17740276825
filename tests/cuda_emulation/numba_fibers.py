"""Numba's simulator with every CUDA thread a fiber: quicker than with Python's threads, and stricter.

Threads of a block run in random order from a seed, up to the next barrier, and so do the blocks; so a missing barrier
shows. A barrier that some threads never reach is an error. Shared memory and arrays begin as NaNs, integers as -999.
"""

from __future__ import annotations

import random
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from greenlet import getcurrent, greenlet


class Fiber(greenlet):
    """A CUDA thread. It goes back to its block at a barrier, and at its end."""

    def __init__(self, run: Any, block: Any, thread: Any) -> None:
        super().__init__(run)
        self.blockIdx, self.threadIdx = block, thread

    def syncthreads(self) -> None:
        assert self.parent is not None
        self.parent.switch()


class Block:
    """What stands for the simulator's BlockManager."""

    chance = random.Random(0)

    def __init__(self, function: Any, grid: tuple[int, ...], threads: tuple[int, ...], debug: bool) -> None:
        self._function, self._threads = function, threads

    def run(self, place: tuple[int, ...], *arguments: Any) -> None:
        from numba.cuda.simulator import kernel, kernelapi

        kernel._get_kernel_context()._shared = Shared()
        block = kernelapi.Dim3(*place)
        waiting = [
            Fiber(lambda: self._function(*arguments), block, kernelapi.Dim3(*thread))
            for thread in np.ndindex(*self._threads)
        ]
        try:
            while waiting:
                self.chance.shuffle(waiting)
                for fiber in waiting:
                    fiber.switch()
                gone_on = [fiber for fiber in waiting if not fiber.dead]
                if gone_on and len(gone_on) < len(waiting):
                    raise RuntimeError("some threads of a block have ended where others wait at a barrier")
                waiting = gone_on
        finally:
            for fiber in waiting:
                fiber.throw()  # to its end, if an error of another has left it at a barrier


class Shared:
    """Shared memory of a block; an array of it is known by the line that asks for it, as in the simulator."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, int], np.ndarray] = {}

    def array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        caller = sys._getframe(1)
        where = caller.f_code.co_filename, caller.f_lineno
        if where not in self._arrays:
            self._arrays[where] = np.full(shape, np.nan, dtype)
        return self._arrays[where]


def poisoned(shape: tuple[int, ...], dtype: Any) -> Any:
    """What stands for numba.cuda.device_array."""
    from numba import cuda

    return cuda.to_device(np.full(shape, np.nan if np.dtype(dtype).kind == "f" else -999, dtype))


def shuffled(*shape: int) -> list[tuple[int, ...]]:
    """Of the blocks of a grid."""
    places = list(np.ndindex(*shape))
    Block.chance.shuffle(places)
    return places


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Into the simulator that is imported."""
    from numba import cuda
    from numba.cuda.simulator import kernel, kernelapi

    Block.chance.seed(0)
    monkeypatch.setattr(kernel, "BlockManager", Block)
    monkeypatch.setattr(kernel, "np", SimpleNamespace(**{**vars(np), "ndindex": shuffled}))
    monkeypatch.setattr(kernelapi, "threading", SimpleNamespace(current_thread=getcurrent))
    monkeypatch.setattr(cuda, "device_array", poisoned)
