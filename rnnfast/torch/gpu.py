"""The operators on a GPU: CuPy's arrays of the memory of tensors, on torch's current stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rnnfast.backends import find
from rnnfast.torch.kernels import Kernels
from rnnfast.torch.operands import BackwardInputs, ForwardInputs
from rnnfast.typing import Array


class GpuKernels(Kernels):
    """Both passes by the backend `cupy`. RuntimeError: it cannot run here, and why."""

    def array(self, tensor: Tensor) -> Array:
        if not self.is_here(tensor):
            return tensor.numpy()  # type: ignore[no-any-return]  # lengths may lie on the CPU
        import cupy

        return cupy.from_dlpack(tensor.detach().contiguous())  # type: ignore[no-any-return]

    @staticmethod
    def is_here(tensor: Tensor) -> bool:
        """Whether it lies on a GPU."""
        return tensor.is_cuda  # type: ignore[no-any-return]

    def tensor(self, array: Array) -> Tensor:
        return torch.from_dlpack(array)

    def run_forward(self, given: ForwardInputs, options: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
        with _current_stream(given.x):
            return super().run_forward(given, options)

    def run_backward(self, given: BackwardInputs, options: tuple[Any, ...]) -> tuple[Any, ...]:
        with _current_stream(given.x):
            return super().run_backward(given, options)


@contextmanager
def _current_stream(x: Tensor) -> Iterator[None]:
    """Makes the device of x CuPy's current one, and the stream that torch has there: nothing waits."""
    find("cupy")
    import cupy

    stream = torch.cuda.current_stream(x.device).cuda_stream
    with cupy.cuda.Device(x.device.index), cupy.cuda.ExternalStream(stream):
        yield
