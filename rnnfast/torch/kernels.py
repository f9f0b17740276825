"""What the operators do: the kernels of rnnfast on the memory of tensors, without a copy of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnfast import functional
from rnnfast.optional import require
from rnnfast.typing import Array

HALF = (torch.float16, torch.bfloat16)
"""In which x, y and their gradients are stored alone: the kernels take everything else in float32."""


class Kernels:
    """Both passes on tensors of one kind of device.

    Args:
        backend: of rnnfast.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def array(self, tensor: Tensor) -> Array:
        """The memory of a tensor, C-contiguous."""
        raise NotImplementedError

    def tensor(self, array: Array) -> Tensor:
        """The inverse, for arrays of float32 and float64."""
        raise NotImplementedError

    def half(self, array: Array, dtype: torch.dtype) -> Tensor:
        """The inverse for arrays of one of HALF, which not every library has."""
        return self.tensor(array.view(np.int16)).view(dtype)

    def forward(
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
        masked_output: str,
        activation: str,
        reverse: bool,
        precision: str,
    ) -> tuple[Tensor, Tensor]:
        """y (T, B, H) and h_n (B, H), of the dtype of x."""
        if x.dim() == 3 and x.shape[1] == 0:
            return x.new_empty(x.shape[0], 0, len(w_hh)), x.new_empty(0, len(w_hh))
        is_half = x.dtype in HALF
        other = self._wide if is_half else self._optional
        y, h_n = functional.rnn_forward(
            self.array(x),
            other(w_ih),
            other(w_hh),
            self._bias(other(b), other(b_hh), w_hh, x.dtype),
            h0=other(h0),
            lengths=self._optional(lengths),
            mask=self._optional(mask),
            recurrent_mask=other(recurrent_mask),
            masked_output=masked_output,
            activation=activation,
            reverse=reverse,
            backend=self._backend,
            precision=precision,
        )
        if is_half:
            return self.half(y, x.dtype), self.tensor(h_n).to(x.dtype)
        return self.tensor(y), self.tensor(h_n)

    def backward(
        self,
        dy: Tensor | None,
        dh_n: Tensor | None,
        x: Tensor,
        y: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        h0: Tensor | None,
        lengths: Tensor | None,
        mask: Tensor | None,
        recurrent_mask: Tensor | None,
        masked_output: str,
        activation: str,
        reverse: bool,
        precision: str,
    ) -> tuple[Tensor, ...]:
        """dx, dw_ih, dw_hh, db and dh0, each of the dtype of what it is the gradient of."""
        if x.dim() == 3 and x.shape[1] == 0:
            return (
                torch.empty_like(x),
                torch.zeros_like(w_ih),
                torch.zeros_like(w_hh),
                w_hh.new_zeros(len(w_hh)),
                x.new_empty(0, len(w_hh)),
            )
        is_half = x.dtype in HALF
        other = self._wide if is_half else self._optional
        gradients = functional.rnn_backward(
            self._optional(dy),
            self.array(x),
            self.array(y),
            other(w_ih),
            other(w_hh),
            h0=other(h0),
            dh_n=other(dh_n),
            lengths=self._optional(lengths),
            mask=self._optional(mask),
            recurrent_mask=other(recurrent_mask),
            masked_output=masked_output,
            activation=activation,
            reverse=reverse,
            backend=self._backend,
            precision=precision,
        )
        dx, *others, _ = gradients
        if is_half:
            return self.half(dx, x.dtype), *(self.tensor(other).to(x.dtype) for other in others)
        return self.tensor(dx), *map(self.tensor, others)

    def _optional(self, tensor: Tensor | None) -> Array | None:
        return None if tensor is None else self.array(tensor)

    def _wide(self, tensor: Tensor | None) -> Array | None:
        return None if tensor is None else self.array(tensor.float())

    def _bias(self, b: Any, b_hh: Any, w_hh: Tensor, dtype: torch.dtype) -> Any:
        """The one bias that the kernels take, (H,)."""
        if b is None and b_hh is None:
            return self._optional(w_hh.new_zeros(len(w_hh), dtype=torch.float32 if dtype in HALF else dtype))
        if b is None or b_hh is None:
            return b if b_hh is None else b_hh
        return b + b_hh


class HostKernels(Kernels):
    """On the CPU: NumPy's arrays of the memory of tensors."""

    def array(self, tensor: Tensor) -> Array:
        if tensor.requires_grad:
            tensor = tensor.detach()
        if tensor.dtype is torch.bfloat16:
            bfloat16 = require("ml_dtypes", extra="ml_dtypes", user="rnnfast.torch in bfloat16").bfloat16
            return tensor.contiguous().view(torch.int16).numpy().view(bfloat16)  # type: ignore[no-any-return]
        return tensor.contiguous().numpy()  # type: ignore[no-any-return]

    def tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array)


HOST = HostKernels("cpu")
