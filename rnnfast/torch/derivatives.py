"""Back-propagation through time as the derivative of the operators, and the short way to them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnfast.torch.host import HOST
from rnnfast.torch.operands import BackwardInputs, ForwardInputs, Options
from rnnfast.torch.operators import library, rnn_backward, rnn_forward

_PLAIN = (Tensor, torch.nn.Parameter)


def recurrence(given: ForwardInputs, options: Options) -> Any:
    """The operator `rnn_forward`, past torch's dispatcher where that can be: it takes as long as a small problem."""
    if not _is_plain(given.x, given.w_ih, given.h0):
        return rnn_forward(*given, *options)
    return _apply(True, options, *given) if torch.is_grad_enabled() else HOST.forward_of(given, options)


def _is_plain(a: Tensor, b: Tensor, c: Tensor | None) -> bool:
    """Whether these are tensors on the CPU whose memory is what they hold, and nothing traces, transforms, casts or
    watches what they are put into.
    """
    return not (
        torch.compiler.is_compiling()
        or type(a) not in _PLAIN
        or type(b) not in _PLAIN
        or not a.is_cpu
        or not b.is_cpu
        or a.is_neg()
        or b.is_neg()
        or (c is not None and (c.is_neg() or torch._C._functorch.is_legacy_batchedtensor(c)))
        or torch._C._functorch.is_legacy_batchedtensor(b)
        or torch._C._is_any_autocast_enabled()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack()
        or torch._C._get_tracing_state()
    )


# What torch.library.register_autograd makes of the same takes twice as long to call.
class _Forward(torch.autograd.Function):  # type: ignore[misc]  # torch may not be installed where this is checked
    @staticmethod
    def forward(ctx: Any, is_plain: bool, options: tuple[Any, ...], *tensors: Any) -> Any:
        given = ForwardInputs(*tensors)
        y, h_n = HOST.forward_of(given, options) if is_plain else _below_autograd(rnn_forward, (*given, *options))
        ctx.options = options
        ctx.set_materialize_grads(False)
        x, w_ih, w_hh, _, _, h0, lengths, mask, recurrent_mask = given
        ctx.save_for_backward(x, y, w_ih, w_hh, h0, lengths, mask, recurrent_mask)
        return y, h_n

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, dh_n: Tensor | None) -> Any:
        _, _, x, _, _, b, b_hh, h0, *_ = ctx.needs_input_grad
        given = BackwardInputs(dy, dh_n, x, *ctx.saved_tensors)
        if torch.is_grad_enabled():
            gradients = _Backward.apply(*given, *ctx.options)
        elif _is_plain(given.x, *((dh_n, None) if dy is None else (dy, dh_n))):
            gradients = HOST.backward_of(given, ctx.options)
        else:
            gradients = _below_autograd(rnn_backward, (*given, *ctx.options))
        dx, dw_ih, dw_hh, db, dh0 = gradients
        biases = db if b else None, db if b_hh else None
        return None, None, dx if x else None, dw_ih, dw_hh, *biases, dh0 if h0 else None, None, None, None


_apply = super(torch.autograd.Function, _Forward).apply  # past the checks for torch.func


class _Backward(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        return _below_autograd(rnn_backward, inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        raise NotImplementedError(
            "rnnfast.torch: the recurrence has first derivatives only; take torch.nn.RNN where second ones are needed"
        )


def _below_autograd(operator: Any, inputs: tuple[Any, ...]) -> Any:
    with torch._C._AutoDispatchBelowAutograd():
        return operator(*inputs)


def _call_forward(*inputs: Any) -> Any:
    if not torch.is_grad_enabled():
        return _below_autograd(rnn_forward, inputs)
    if torch._C._are_functorch_transforms_active():
        raise NotImplementedError(
            "rnnfast.torch: torch.func.grad and its like do not go through it; torch.autograd and torch.vmap do"
        )
    count = len(ForwardInputs._fields)
    return _Forward.apply(False, inputs[count:], *inputs[:count])


def _call_backward(*inputs: Any) -> Any:
    return _Backward.apply(*inputs) if torch.is_grad_enabled() else _below_autograd(rnn_backward, inputs)


library.impl("rnn_forward", _call_forward, "Autograd")
library.impl("rnn_backward", _call_backward, "Autograd")
