"""The recurrence as a CUDA graph of one kernel a step.

The kernels of a graph take their arguments from the memory of the GPU, where a kernel before them puts those of each
call: so one graph does for all arrays of a problem, whose addresses change from call to call. The first call on a
stream launches every step, whereby the kernels are compiled and loaded, which must not happen while a stream is
captured; the second captures them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnfast.backends import cuda_kernels
from rnnfast.backends.cupy_launch import Kernels, pointer
from rnnfast.backends.gpu_recurrence import Recurrence
from rnnfast.problem import Problem
from rnnfast.typing import Array

FILE = "stepwise.cu"
LANES, UNITS, ROWS, MOST_WARPS = 32, 4, 8, 8  # of csrc/cuda/stepwise.cu


def step_grid(problem: Problem) -> tuple[tuple[int, int], int]:
    """Blocks of a step along the batch, of which CUDA takes 2^31 - 1, and along the units; threads of each."""
    unit_tiles = -(-problem.hidden_size // UNITS)
    warps = min(MOST_WARPS, unit_tiles)
    return (-(-problem.batch // ROWS), -(-unit_tiles // warps)), LANES * warps


@dataclass
class _Loop:
    """The steps of a direction, for the calls of one thread on one stream."""

    arguments: Array  # on the GPU, as bytes
    graph: Any = None


class GraphRecurrence(Recurrence):
    """Products by the kernels of the steps themselves."""

    def __init__(self, problem: Problem, kernels: Kernels) -> None:
        self._problem = problem
        self._kernels = kernels
        self._type = cuda_kernels.C_TYPES[problem.arithmetic]
        self._loops: dict[tuple[str, int, int], _Loop] = {}

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        exchange = self._kernels.cupy.empty((2, *state.shape), state.dtype)
        exchange[0] = state
        arrays = {"y": y, "w_hh": w_hh, "b": b, "exchange": exchange, "position": position}
        self._run("forward", "ForwardArguments", arrays, range(self._problem.seq_len))
        state[...] = exchange[self._problem.seq_len % 2]

    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        turned = self._kernels.cupy.ascontiguousarray(w_hh.T)
        arrays = {"dy": dy, "y": y, "w_hh": turned, "da": da, "carry": carry, "position": position}
        self._run("backward", "BackwardArguments", arrays, range(self._problem.seq_len - 1, -2, -1))

    def _run(self, direction: str, struct: str, arrays: dict[str, Array | None], steps: Iterable[int]) -> None:
        cupy = self._kernels.cupy
        pointers = {name: pointer(array) for name, array in arrays.items()}
        arguments = cuda_kernels.arguments(struct, self._problem, **pointers)
        # Streams overlap, and so do threads that each have a default stream under the same address.
        key = direction, cupy.cuda.get_current_stream().ptr, threading.get_ident()
        loop = self._loops.get(key)
        first = loop is None
        if loop is None:
            loop = self._loops[key] = _Loop(cupy.empty(arguments.nbytes, np.uint8))
        there = np.uintp(pointer(loop.arguments))
        self._kernels.launch(FILE, f"set_arguments<{struct}<{self._type}>>", (1,), 1, arguments, there)
        if first:
            self._launch(direction, there, steps)
            return
        if loop.graph is None:
            loop.graph = self._capture(direction, there, steps)
        loop.graph.launch()

    def _capture(self, direction: str, arguments: np.uintp, steps: Iterable[int]) -> Any:
        with self._kernels.cupy.cuda.Stream(non_blocking=True) as stream:
            stream.begin_capture()
            try:
                self._launch(direction, arguments, steps)
            finally:
                graph = stream.end_capture()
        return graph

    def _launch(self, direction: str, arguments: np.uintp, steps: Iterable[int]) -> None:
        grid, threads = step_grid(self._problem)
        for step in steps:
            name = f"stepwise_{direction}<{self._type}>"
            self._kernels.launch(FILE, name, grid, threads, arguments, np.int32(step))
