"""Variant `stepwise`: at each step one product by cuBLAS and one pointwise kernel.

Not as a CUDA graph: CuPy refuses to call cuBLAS while a stream is captured (cupy/cupy#6290).
"""

from __future__ import annotations

import numpy as np

from rnnfast.backends import cuda_kernels
from rnnfast.backends.cupy_launch import THREADS, Kernels, pointer
from rnnfast.backends.gpu_device import L2_BYTES_PER_CLOCK, Device
from rnnfast.backends.gpu_limits import ARITHMETIC, ITEM, L2, LATENCY, MEMORY, Kernel, step_flops
from rnnfast.backends.gpu_recurrence import Choice, Recurrence
from rnnfast.problem import Problem
from rnnfast.typing import Array

# Of a step, and what one costs where the host keeps up. Not measured.
_LAUNCHES, _LAUNCH_CLOCKS = 2, 4000


class Stepwise(Choice):
    name = "stepwise"
    strategy = "a cuBLAS product and a pointwise kernel a step"
    accepts = "every problem"

    @classmethod
    def why_not(cls, problem: Problem, device: Device) -> str | None:
        return None

    def clocks(self) -> float:
        limits = self.limits("forward")
        return limits[ARITHMETIC] + limits[LATENCY]

    def tiles(self) -> str:
        return f"products in {self.problem.dtype}"

    def kernel(self, direction: str) -> Kernel:
        count = self.problem.batch * self.problem.hidden_size
        expression = f"stepwise_{direction}<{cuda_kernels.C_TYPES[self.problem.dtype]}>"
        return Kernel(expression, -(-count // THREADS), THREADS, 0)

    def bytes(self, direction: str) -> int:
        return super().bytes(direction) + (0 if self._cached() else self._weight_bytes())

    def limits(self, direction: str) -> dict[str, float]:
        device = self.device
        return {
            ARITHMETIC: step_flops(self.problem) / device.flops(self.problem.dtype) / device.multiprocessors,
            L2: self._weight_bytes() / (L2_BYTES_PER_CLOCK * device.multiprocessors),
            MEMORY: self.bytes(direction) / device.bytes_per_clock,
            LATENCY: _LAUNCHES * _LAUNCH_CLOCKS,
        }

    def _weight_bytes(self) -> int:
        return self.problem.hidden_size**2 * ITEM[self.problem.dtype]

    def _cached(self) -> bool:
        """Whether w_hh stays in the second-level cache."""
        return self._weight_bytes() <= self.device.l2_bytes

    def recurrence(self, problem: Problem, kernels: Kernels) -> Recurrence:
        return StepwiseRecurrence(problem, kernels)


class StepwiseRecurrence(Recurrence):
    def __init__(self, problem: Problem, kernels: Kernels) -> None:
        self._problem = problem
        self._kernels = kernels
        self._type = cuda_kernels.C_TYPES[problem.dtype]

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        product = self._kernels.cupy.empty(state.shape, state.dtype)
        arrays = {"y": y, "b": b, "state": state, "product": product, "position": position}
        pointers = {name: pointer(array) for name, array in arrays.items()}
        arguments = cuda_kernels.arguments("ForwardArguments", self._problem, **pointers)
        for step in range(self._problem.seq_len):
            self._kernels.cupy.matmul(state, w_hh.T, out=product)
            self._launch("stepwise_forward", arguments, np.int32(step))

    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        product = self._kernels.cupy.empty(carry.shape, carry.dtype)
        arrays = {"dy": dy, "y": y, "da": da, "carry": carry, "product": product, "position": position}
        pointers = {name: pointer(array) for name, array in arrays.items()}
        arguments = cuda_kernels.arguments("BackwardArguments", self._problem, **pointers)
        for step in reversed(range(self._problem.seq_len)):
            self._launch("stepwise_backward", arguments, np.int32(step))
            t = self._problem.seq_len - 1 - step if self._problem.reverse else step
            self._kernels.cupy.matmul(da[t], w_hh, out=product)
        self._launch("stepwise_initial", arguments)

    def _launch(self, name: str, *arguments: Array | np.int32) -> None:
        count = self._problem.batch * self._problem.hidden_size
        self._kernels.elementwise("stepwise.cu", f"{name}<{self._type}>", count, *arguments)
