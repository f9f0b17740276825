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
from rnnfast.torch.kernels import Kernels, Options
from rnnfast.typing import Array


class HostKernels(Kernels):
    """Both passes by the backend `cpu`.

    Tensors that are not in the planned form, and those of a torch that has no such API (before 2.10), go by way of
    NumPy's arrays.
    """

    def run_forward(
        self,
        x: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b: Tensor | None,
        b_hh: Tensor | None,
        h0: Tensor | None,
        lengths: Tensor | None,
        mask: Tensor | None,
        recurrent_mask: Tensor | None,
        options: tuple[Any, ...],
    ) -> tuple[Tensor, Tensor]:
        kernel = _kernel(x.shape, w_hh.shape, x.dtype, recurrent_mask is not None, options, _cpu.num_threads())
        biases = tuple([each for each in (b, b_hh) if each is not None])
        result = kernel.forward_tensors(x, w_ih, w_hh, biases, h0, lengths, mask, None, _cell(recurrent_mask))
        if result is None:
            return super().run_forward(x, w_ih, w_hh, b, b_hh, h0, lengths, mask, recurrent_mask, options)
        return result

    def run_backward(
        self,
        dy: Tensor | None,
        dh_n: Tensor | None,
        wants_dx: bool,
        x: Tensor,
        y: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        h0: Tensor | None,
        lengths: Tensor | None,
        mask: Tensor | None,
        recurrent_mask: Tensor | None,
        options: tuple[Any, ...],
    ) -> tuple[Any, ...]:
        kernel = _kernel(x.shape, w_hh.shape, x.dtype, recurrent_mask is not None, options, _cpu.num_threads())
        cell = _cell(recurrent_mask)
        result = kernel.backward_tensors(dy, x, y, w_ih, w_hh, h0, dh_n, lengths, mask, cell, wants_dx=wants_dx)
        if result is None:
            rest = x, y, w_ih, w_hh, h0, lengths, mask, recurrent_mask, options
            return super().run_backward(dy, dh_n, wants_dx, *rest)
        return result[:5]

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
