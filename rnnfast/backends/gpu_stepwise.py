"""Variant `stepwise`: a kernel for each step.

Small products are made by that kernel itself, and from the second call on a stream the loop over the steps is one CUDA
graph (gpu_graph.py). Large ones are made by cuBLAS, which CuPy refuses to call while a stream is captured
(cupy/cupy#6290); there the host has time to launch two kernels a step.
"""

from __future__ import annotations

import numpy as np

from rnnfast.backends import cuda_kernels
from rnnfast.backends.cupy_launch import THREADS, Kernels, pointer
from rnnfast.backends.gpu_device import L2_BYTES_PER_CLOCK, Device
from rnnfast.backends.gpu_graph import FILE, ROWS, GraphRecurrence, step_grid
from rnnfast.backends.gpu_limits import ARITHMETIC, ITEM, L2, LATENCY, MEMORY, Kernel, step_flops
from rnnfast.backends.gpu_recurrence import Choice, Recurrence
from rnnfast.problem import Problem
from rnnfast.typing import Array

# Of a step in a graph, and of one that the host launches twice for. Not measured.
_GRAPH_CLOCKS, _LAUNCHES_CLOCKS = 3000, 8000


class Stepwise(Choice):
    name = "stepwise"
    strategy = "a step is a kernel in a CUDA graph or, where the product is large, cuBLAS and a pointwise kernel"
    accepts = "every problem"

    @classmethod
    def why_not(cls, problem: Problem, device: Device) -> str | None:
        return None

    @property
    def in_graph(self) -> bool:
        """Whether a step's product takes less than the host takes to launch it."""
        return self._product_clocks() < _LAUNCHES_CLOCKS

    def clocks(self) -> float:
        limits = self.limits("forward")
        return max(limits[ARITHMETIC], limits[L2]) + limits[LATENCY]

    def tiles(self) -> str:
        how = (
            "one kernel a step, all steps in a CUDA graph" if self.in_graph else "cuBLAS and a pointwise kernel a step"
        )
        return f"{how}; products in {self.problem.arithmetic}"

    def kernel(self, direction: str) -> Kernel:
        dtype = cuda_kernels.C_TYPES[self.problem.arithmetic]
        if self.in_graph:
            (along_batch, along_units), threads = step_grid(self.problem)
            return Kernel(f"stepwise_{direction}<{dtype}>", along_batch * along_units, threads, 0)
        count = self.problem.batch * self.problem.hidden_size
        return Kernel(f"finish_{direction}<{dtype}>", -(-count // THREADS), THREADS, 0)

    def bytes(self, direction: str) -> int:
        return super().bytes(direction) + (0 if self._cached() else self._weight_bytes())

    def limits(self, direction: str) -> dict[str, float]:
        device = self.device
        times_read = -(-self.problem.batch // ROWS) if self.in_graph else 1
        return {
            ARITHMETIC: self._product_clocks(),
            L2: times_read * self._weight_bytes() / (L2_BYTES_PER_CLOCK * device.multiprocessors),
            MEMORY: self.bytes(direction) / device.bytes_per_clock,
            LATENCY: _GRAPH_CLOCKS if self.in_graph else _LAUNCHES_CLOCKS,
        }

    def recurrence(self, problem: Problem, kernels: Kernels) -> Recurrence:
        return (GraphRecurrence if self.in_graph else ProductRecurrence)(problem, kernels)

    def _product_clocks(self) -> float:
        return step_flops(self.problem) / self.device.flops(self.problem.arithmetic) / self.device.multiprocessors

    def _weight_bytes(self) -> int:
        return self.problem.hidden_size**2 * ITEM[self.problem.arithmetic]

    def _cached(self) -> bool:
        """Whether w_hh stays in the second-level cache."""
        return self._weight_bytes() <= self.device.l2_bytes


class ProductRecurrence(Recurrence):
    """Products by cuBLAS."""

    def __init__(self, problem: Problem, kernels: Kernels) -> None:
        self._problem = problem
        self._kernels = kernels
        self._type = cuda_kernels.C_TYPES[problem.arithmetic]

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        cupy = self._kernels.cupy
        product, exchange = cupy.empty(state.shape, state.dtype), cupy.empty((2, *state.shape), state.dtype)
        exchange[0] = state
        arrays = {"y": y, "b": b, "exchange": exchange, "product": product, "position": position}
        pointers = {name: pointer(array) for name, array in arrays.items()}
        arguments = cuda_kernels.arguments("ForwardArguments", self._problem, **pointers)
        for step in range(self._problem.seq_len):
            cupy.matmul(exchange[step % 2], w_hh.T, out=product)
            self._finish("forward", arguments, step)
        state[...] = exchange[self._problem.seq_len % 2]

    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        cupy, seq_len = self._kernels.cupy, self._problem.seq_len
        product = cupy.empty(carry.shape, carry.dtype)
        arrays = {"dy": dy, "y": y, "da": da, "carry": carry, "product": product, "position": position}
        pointers = {name: pointer(array) for name, array in arrays.items()}
        arguments = cuda_kernels.arguments("BackwardArguments", self._problem, **pointers)
        for step in range(seq_len - 1, -2, -1):
            if step + 1 < seq_len:
                following = seq_len - 2 - step if self._problem.reverse else step + 1
                cupy.matmul(da[following], w_hh, out=product)
            self._finish("backward", arguments, step)

    def _finish(self, direction: str, arguments: Array, step: int) -> None:
        count = self._problem.batch * self._problem.hidden_size
        self._kernels.elementwise(FILE, f"finish_{direction}<{self._type}>", count, arguments, np.int32(step))
