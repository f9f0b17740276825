"""What the operators do: the kernels of rnnfast on the memory of tensors, without a copy of it."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from rnnfast import functional
from rnnfast.torch.operands import BackwardInputs, ForwardInputs, Options
from rnnfast.typing import Array

Inputs = TypeVar("Inputs", ForwardInputs, BackwardInputs)

HALF = (torch.float16, torch.bfloat16)
"""In which x, y and their gradients are stored alone: the kernels take everything else in float32."""
_AS_THEY_ARE = ("dy", "x", "y", "wants_dx", "lengths", "mask")


class Kernels:
    """Both passes on tensors of one kind of device, by arrays of their memory.

    Args:
        backend: of rnnfast.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def forward(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        """The operator `rnn_forward`: of `ForwardInputs`, then `Options`."""
        return self.forward_of(*_split(ForwardInputs, arguments))

    def backward(self, *arguments: Any) -> tuple[Tensor, ...]:
        """The operator `rnn_backward`: of `BackwardInputs`, then `Options`."""
        return self.backward_of(*_split(BackwardInputs, arguments))

    def forward_of(self, given: ForwardInputs, options: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
        """y (T, B, H) and h_n (1, B, H), of the dtype of x."""
        x = given.x
        if _has_no_sequence(x):
            hidden_size = len(given.w_hh)
            return x.new_empty(x.shape[0], 0, hidden_size), x.new_empty(1, 0, hidden_size)
        if x.dtype not in HALF:
            return self.run_forward(given, options)
        y, h_n = self.run_forward(_widened(given), options)
        return y, h_n.to(x.dtype)

    def backward_of(self, given: BackwardInputs, options: tuple[Any, ...]) -> tuple[Tensor, ...]:
        """dx, dw_ih, dw_hh, db and dh0, each of the dtype of what it is the gradient of.

        dx has no elements where it is not wanted.
        """
        x = given.x
        if _has_no_sequence(x):
            w_ih, w_hh = given.w_ih, given.w_hh
            weights = torch.zeros_like(w_ih), torch.zeros_like(w_hh), w_hh.new_zeros(len(w_hh))
            return torch.empty_like(x), *weights, x.new_empty(1, 0, len(w_hh))
        if x.dtype in HALF:
            dx, *others = self.run_backward(_widened(given), options)
            others = [other.to(x.dtype) for other in others]
        else:
            dx, *others = self.run_backward(given, options)
        return x.new_empty(0) if dx is None else dx, *others

    def run_forward(self, given: ForwardInputs, options: tuple[Any, ...]) -> tuple[Tensor, Tensor]:
        """The same, of at least one sequence; x and y may have 16 bits, and nothing else."""
        array = self._optional
        b, b_hh = given.b, given.b_hh
        if b is None and b_hh is None:
            b = given.w_hh.new_zeros(len(given.w_hh))
        elif b is None or b_hh is None:
            b = b_hh if b is None else b
        else:
            b = b + b_hh
        y, h_n = functional.rnn_forward(
            array(given.x),
            array(given.w_ih),
            array(given.w_hh),
            array(b),
            h0=self._state(given.h0),
            lengths=array(given.lengths),
            mask=array(given.mask),
            recurrent_mask=array(given.recurrent_mask),
            backend=self._backend,
            **Options(*options).by_name(),
        )
        return self._tensor(y, given.x.dtype), self.tensor(h_n).unsqueeze(0)

    def run_backward(self, given: BackwardInputs, options: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same, of at least one sequence; x, y, dy and dx may have 16 bits, and nothing else.

        dx is None where it is not wanted.
        """
        array = self._optional
        dx, *weights, dh0, _ = functional.rnn_backward(
            array(given.dy),
            array(given.x),
            array(given.y),
            array(given.w_ih),
            array(given.w_hh),
            h0=self._state(given.h0),
            dh_n=self._state(given.dh_n),
            lengths=array(given.lengths),
            mask=array(given.mask),
            recurrent_mask=array(given.recurrent_mask),
            wants_dx=given.wants_dx,
            backend=self._backend,
            **Options(*options).by_name(),
        )
        dx = None if dx is None else self._tensor(dx, given.x.dtype)
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


def _split(kind: type[Inputs], arguments: tuple[Any, ...]) -> tuple[Inputs, tuple[Any, ...]]:
    count = len(kind._fields)
    return kind._make(arguments[:count]), arguments[count:]


def _has_no_sequence(x: Tensor) -> bool:
    return x.dim() == 3 and x.shape[1] == 0  # type: ignore[no-any-return]


def _widened(given: Inputs) -> Inputs:
    """All but what may have 16 bits in float32."""
    names = [name for name in given._fields if name not in _AS_THEY_ARE and getattr(given, name) is not None]
    return given._replace(**{name: getattr(given, name).float() for name in names})
