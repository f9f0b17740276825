"""Back-propagation through time as the derivative of the operators."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnfast.torch.operators import library, rnn_backward, rnn_forward

_WITHOUT_GRADIENT = 7
"""The arguments of `rnn_forward` after h0, which have none."""


# What torch.library.register_autograd makes of the same takes twice as long to call.
class _Forward(torch.autograd.Function):  # type: ignore[misc]  # torch may not be installed where this is checked
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        x, w_ih, w_hh, _, _, h0, lengths, mask, recurrent_mask, *options = inputs
        with torch._C._AutoDispatchBelowAutograd():
            y, h_n = rnn_forward(*inputs)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, y, w_ih, w_hh, h0, lengths, mask, recurrent_mask)
        ctx.options = options
        return y, h_n

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, dh_n: Tensor | None) -> Any:
        dx, dw_ih, dw_hh, db, dh0 = _call_backward(dy, dh_n, *ctx.saved_tensors, *ctx.options)
        gradients = dx, dw_ih, dw_hh, db, db, dh0
        needed = (each if need else None for each, need in zip(gradients, ctx.needs_input_grad, strict=False))
        return *needed, *(None,) * _WITHOUT_GRADIENT


class _Backward(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        with torch._C._AutoDispatchBelowAutograd():
            return rnn_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        raise NotImplementedError(
            "rnnfast.torch: the recurrence has first derivatives only; take torch.nn.RNN where second ones are needed"
        )


def _call_forward(*inputs: Any) -> Any:
    if torch.is_grad_enabled():
        if torch._C._are_functorch_transforms_active():
            raise NotImplementedError(
                "rnnfast.torch: torch.func.grad and its like do not go through it; torch.autograd.grad and torch.vmap do"
            )
        return _Forward.apply(*inputs)
    with torch._C._AutoDispatchBelowAutograd():
        return rnn_forward(*inputs)


def _call_backward(*inputs: Any) -> Any:
    if torch.is_grad_enabled():
        return _Backward.apply(*inputs)
    with torch._C._AutoDispatchBelowAutograd():
        return rnn_backward(*inputs)


library.impl("rnn_forward", _call_forward, "Autograd")
library.impl("rnn_backward", _call_backward, "Autograd")
