"""Variant `stepwise`: at each step one product by cuBLAS and one pointwise kernel, all of them one CUDA graph."""

from __future__ import annotations

import numpy as np

from rnnfast.backends import cuda_kernels
from rnnfast.backends.cupy_graphs import Arrays, Graphs
from rnnfast.backends.cupy_launch import Kernels, pointer
from rnnfast.backends.gpu_device import FLOPS_PER_CLOCK, Device
from rnnfast.backends.gpu_recurrence import Choice, Recurrence
from rnnfast.problem import Problem
from rnnfast.typing import Array

# Of a step, and what one costs where the host keeps up. Not measured.
_LAUNCHES, _LAUNCH_CLOCKS = 2, 4000


class Stepwise(Choice):
    name = "stepwise"
    strategy = "a cuBLAS product and a pointwise kernel a step, replayed as a CUDA graph"
    accepts = "every problem"

    @classmethod
    def why_not(cls, problem: Problem, device: Device) -> str | None:
        return None

    def clocks(self) -> float:
        problem = self.problem
        product = 2 * problem.batch * problem.hidden_size**2 / FLOPS_PER_CLOCK / self.device.multiprocessors
        return product + _LAUNCHES * _LAUNCH_CLOCKS

    def explain(self) -> str:
        return f"{super().explain()}; products in {self.problem.dtype}"

    def recurrence(self, problem: Problem, kernels: Kernels) -> Recurrence:
        return StepwiseRecurrence(problem, kernels)


class StepwiseRecurrence(Recurrence):
    def __init__(self, problem: Problem, kernels: Kernels) -> None:
        self._problem = problem
        self._kernels = kernels
        self._type = cuda_kernels.C_TYPES[problem.dtype]
        self._graphs = Graphs(kernels.cupy)

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        matmul, empty = self._kernels.cupy.matmul, self._kernels.cupy.empty

        def launch(arrays: Arrays) -> None:
            pointers = {name: pointer(array) for name, array in arrays.items()}
            arguments = cuda_kernels.arguments("ForwardArguments", self._problem, b=pointer(b), **pointers)
            for step in range(self._problem.seq_len):
                matmul(arrays["state"], w_hh.T, out=arrays["product"])
                self._launch("stepwise_forward", arguments, np.int32(step))

        self._graphs.run(
            ("forward", pointer(w_hh), pointer(b)),
            {"y": y, "state": state, "position": position, "product": empty(state.shape, state.dtype)},
            launch,
            inputs=("y", "state", "position"),
            outputs=("y", "state"),
        )

    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        matmul, empty = self._kernels.cupy.matmul, self._kernels.cupy.empty

        def launch(arrays: Arrays) -> None:
            pointers = {name: pointer(array) for name, array in arrays.items()}
            arguments = cuda_kernels.arguments("BackwardArguments", self._problem, **pointers)
            da = arrays["da"]
            assert da is not None
            for step in reversed(range(self._problem.seq_len)):
                self._launch("stepwise_backward", arguments, np.int32(step))
                t = self._problem.seq_len - 1 - step if self._problem.reverse else step
                matmul(da[t], w_hh, out=arrays["product"])
            self._launch("stepwise_initial", arguments)

        product = empty(carry.shape, carry.dtype)
        self._graphs.run(
            ("backward", pointer(w_hh)),
            {"dy": dy, "y": y, "da": da, "carry": carry, "position": position, "product": product},
            launch,
            inputs=("dy", "y", "carry", "position"),
            outputs=("da", "carry"),
        )

    def _launch(self, name: str, *arguments: Array | np.int32) -> None:
        count = self._problem.batch * self._problem.hidden_size
        self._kernels.elementwise("stepwise.cu", f"{name}<{self._type}>", count, *arguments)
