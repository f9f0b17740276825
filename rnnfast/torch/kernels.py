"""What the operators do: the kernels of rnnfast on the memory of tensors, without a copy of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnfast import functional
from rnnfast.pointwise import Activation
from rnnfast.typing import Array

HALF = (torch.float16, torch.bfloat16)
"""In which x, y and their gradients are stored alone: the kernels take everything else in float32."""


class Options(NamedTuple):
    """What the operators are told beside their tensors, in the order of their arguments."""

    masked_output: str = "zero"
    activation: str = "tanh"
    alpha: float | None = None
    beta: float | None = None
    clip: float | None = None
    reverse: bool = False
    precision: str = "highest"

    def by_name(self) -> dict[str, Any]:
        """As `rnnfast.rnn_forward` takes them."""
        return {
            "masked_output": self.masked_output,
            "activation": Activation(self.activation, alpha=self.alpha, beta=self.beta),
            "clip": self.clip,
            "reverse": self.reverse,
            "precision": self.precision,
        }


class Kernels:
    """Both passes on tensors of one kind of device, by arrays of their memory.

    Args:
        backend: of rnnfast.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend

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
        *options: Any,
    ) -> tuple[Tensor, Tensor]:
        """y (T, B, H) and h_n (1, B, H), of the dtype of x, from h0 (1, B, H). The options are those of `Options`."""
        if _has_no_sequence(x):
            return x.new_empty(x.shape[0], 0, len(w_hh)), x.new_empty(1, 0, len(w_hh))
        if x.dtype not in HALF:
            return self.run_forward(x, w_ih, w_hh, b, b_hh, h0, lengths, mask, recurrent_mask, options)
        w_ih, w_hh, b, b_hh, h0, recurrent_mask = map(_widened, (w_ih, w_hh, b, b_hh, h0, recurrent_mask))
        y, h_n = self.run_forward(x, w_ih, w_hh, b, b_hh, h0, lengths, mask, recurrent_mask, options)
        return y, h_n.to(x.dtype)

    def backward(
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
        *options: Any,
    ) -> tuple[Tensor, ...]:
        """dx, dw_ih, dw_hh, db and dh0, each of the dtype of what it is the gradient of.

        dx has no elements where it is not wanted.
        """
        if _has_no_sequence(x):
            return (
                torch.empty_like(x),
                torch.zeros_like(w_ih),
                torch.zeros_like(w_hh),
                w_hh.new_zeros(len(w_hh)),
                x.new_empty(1, 0, len(w_hh)),
            )
        is_half = x.dtype in HALF
        if is_half:
            w_ih, w_hh, h0, dh_n, recurrent_mask = map(_widened, (w_ih, w_hh, h0, dh_n, recurrent_mask))
        rest = x, y, w_ih, w_hh, h0, lengths, mask, recurrent_mask, options
        dx, *others = self.run_backward(dy, dh_n, wants_dx, *rest)
        if is_half:
            others = [other.to(x.dtype) for other in others]
        return x.new_empty(0) if dx is None else dx, *others

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
        """The same, of at least one sequence; x and y may have 16 bits, and nothing else."""
        array = self._optional
        if b is None and b_hh is None:
            b = w_hh.new_zeros(len(w_hh))
        elif b is None or b_hh is None:
            b = b_hh if b is None else b
        else:
            b = b + b_hh
        y, h_n = functional.rnn_forward(
            self.array(x),
            self.array(w_ih),
            self.array(w_hh),
            self.array(b),
            h0=self._state(h0),
            lengths=array(lengths),
            mask=array(mask),
            recurrent_mask=array(recurrent_mask),
            backend=self._backend,
            **Options(*options).by_name(),
        )
        return self._tensor(y, x.dtype), self.tensor(h_n).unsqueeze(0)

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
        """The same, of at least one sequence; x, y, dy and dx may have 16 bits, and nothing else.

        dx is None where it is not wanted.
        """
        array = self._optional
        dx, *weights, dh0, _ = functional.rnn_backward(
            array(dy),
            self.array(x),
            self.array(y),
            self.array(w_ih),
            self.array(w_hh),
            h0=self._state(h0),
            dh_n=self._state(dh_n),
            lengths=array(lengths),
            mask=array(mask),
            recurrent_mask=array(recurrent_mask),
            wants_dx=wants_dx,
            backend=self._backend,
            **Options(*options).by_name(),
        )
        dx = None if dx is None else self._tensor(dx, x.dtype)
        return dx, *map(self.tensor, weights), self.tensor(dh0).unsqueeze(0)

    def array(self, tensor: Tensor) -> Array:
        """The memory of a tensor, C-contiguous."""
        raise NotImplementedError

    def tensor(self, array: Array) -> Tensor:
        """The inverse, for arrays of float32 and float64."""
        raise NotImplementedError

    def _optional(self, tensor: Tensor | None) -> Array | None:
        return None if tensor is None else self.array(tensor)

    def _state(self, tensor: Tensor | None) -> Array | None:
        """(B, H), as arrays have it."""
        return None if tensor is None else self.array(tensor.squeeze(0))

    def _tensor(self, array: Array, dtype: torch.dtype) -> Tensor:
        """The inverse for any dtype: not every library knows those of 16 bits."""
        return self.tensor(array.view(np.int16)).view(dtype) if dtype in HALF else self.tensor(array)


def _has_no_sequence(x: Tensor) -> bool:
    return x.dim() == 3 and x.shape[1] == 0  # type: ignore[no-any-return]


def _widened(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.float()
