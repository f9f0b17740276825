"""The operators on the CPU: the compiled kernels take and make tensors themselves, by DLPack's C exchange API."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from rnnfast import _cpu, checks
from rnnfast.backends.cpu import CpuPlan
from rnnfast.cell_options import CellOptions
from rnnfast.optional import require
from rnnfast.plan import plan
from rnnfast.torch.kernels import Kernels
from rnnfast.torch.operands import BackwardInputs, ForwardInputs, Options
from rnnfast.typing import Array


class HostKernels(Kernels):
    """Both passes by the backend `cpu`.

    Tensors that are not in the planned form, and those of a torch that has no such API (before 2.10), go by way of
    NumPy's arrays.
    """

    def run_forward(self, given: ForwardInputs, options: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
        x, w_ih, w_hh, b, b_hh, h0, lengths, mask, recurrent_mask = given
        kernel = _kernel(x.shape, w_hh.shape, x.dtype, recurrent_mask is not None, options, _cpu.num_threads())
        biases = tuple([each for each in (b, b_hh) if each is not None])
        result = kernel.forward_tensors(x, w_ih, w_hh, biases, h0, lengths, mask, None, _cell(recurrent_mask))
        return super().run_forward(given, options) if result is None else result

    def run_backward(self, given: BackwardInputs, options: tuple[Any, ...]) -> tuple[Any, ...]:
        dy, dh_n, wants_dx, x, y, w_ih, w_hh, h0, lengths, mask, recurrent_mask = given
        kernel = _kernel(x.shape, w_hh.shape, x.dtype, recurrent_mask is not None, options, _cpu.num_threads())
        cell = _cell(recurrent_mask)
        result = kernel.backward_tensors(dy, x, y, w_ih, w_hh, h0, dh_n, lengths, mask, cell, wants_dx=wants_dx)
        return super().run_backward(given, options) if result is None else result[:5]

    def array(self, tensor: Tensor) -> Array:
        tensor = tensor.detach().resolve_neg().contiguous()
        if tensor.dtype is torch.bfloat16:
            bfloat16 = require("ml_dtypes", extra="ml_dtypes", user="rnnfast.torch in bfloat16").bfloat16
            return tensor.view(torch.int16).numpy().view(bfloat16)  # type: ignore[no-any-return]
        return tensor.numpy()  # type: ignore[no-any-return]

    def tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array)


@lru_cache(maxsize=256)
def _kernel(
    x_shape: tuple[int, ...],
    w_hh_shape: tuple[int, ...],
    dtype: torch.dtype,
    recurrent_dropout: bool,
    options: tuple[Any, ...],
    threads: int,  # what a plan chooses depends on it
) -> _cpu.Kernel:
    sizes = checks.sizes(x_shape, w_hh_shape, str(dtype).removeprefix("torch."))
    made = plan(**sizes, **Options(*options).by_name(), recurrent_dropout=recurrent_dropout, backend="cpu")
    assert isinstance(made, CpuPlan)
    return made.kernel


def _cell(recurrent_mask: Tensor | None) -> CellOptions | None:
    return None if recurrent_mask is None else CellOptions(recurrent_mask=recurrent_mask)


HOST = HostKernels("cpu")
