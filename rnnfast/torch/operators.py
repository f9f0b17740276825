"""The recurrence and its gradient as operators of torch: `torch.ops.rnnfast.rnn_forward` and `rnn_backward`.

Arguments are those of `rnnfast.rnn_forward` and `rnnfast.rnn_backward`, as tensors, and have no defaults: torch would
leave out what equals them. There may be two biases, b and b_hh, (H,), which are added, and both have the gradient db.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnfast.torch.gpu import GpuKernels
from rnnfast.torch.kernels import HostKernels

_OPTIONS = (
    "Tensor? h0, Tensor? lengths, Tensor? mask, Tensor? recurrent_mask, "
    "str masked_output, str activation, bool reverse, str precision"
)
_SCHEMAS = {
    "rnn_forward": (
        f"(Tensor x, Tensor w_ih, Tensor w_hh, Tensor? b, Tensor? b_hh, {_OPTIONS}) -> (Tensor y, Tensor h_n)"
    ),
    "rnn_backward": (
        f"(Tensor? dy, Tensor? dh_n, Tensor x, Tensor y, Tensor w_ih, Tensor w_hh, {_OPTIONS}) "
        "-> (Tensor dx, Tensor dw_ih, Tensor dw_hh, Tensor db, Tensor dh0)"
    ),
}
_WITHOUT_GRADIENT = 7
"""The arguments of `rnn_forward` after h0, which have none."""

_library = torch.library.Library("rnnfast", "DEF")
for _name, _schema in _SCHEMAS.items():
    _library.define(_name + _schema, tags=(torch.Tag.pt2_compliant_tag,))
for _device, _kernels in (("CPU", HostKernels("cpu")), ("CUDA", GpuKernels("cupy"))):
    _library.impl("rnn_forward", _kernels.forward, _device)
    _library.impl("rnn_backward", _kernels.backward, _device)

rnn_forward = torch.ops.rnnfast.rnn_forward.default
rnn_backward = torch.ops.rnnfast.rnn_backward.default


@torch.library.register_fake("rnnfast::rnn_forward", lib=_library)
def _empty_forward(x: Tensor, w_ih: Tensor, w_hh: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    seq_len, batch, _input_size = x.shape
    return x.new_empty(seq_len, batch, w_ih.shape[0]), x.new_empty(batch, w_ih.shape[0])


@torch.library.register_fake("rnnfast::rnn_backward", lib=_library)
def _empty_backward(
    dy: Any, dh_n: Any, x: Tensor, y: Tensor, w_ih: Tensor, w_hh: Tensor, *_: Any
) -> tuple[Tensor, ...]:
    gradients = x, w_ih, w_hh
    hidden_size = w_ih.shape[0]
    return (
        *(each.new_empty(each.shape) for each in gradients),
        x.new_empty(hidden_size),
        x.new_empty(x.shape[1], hidden_size),
    )


# torch.library.register_autograd does the same and costs 100 µs more a call.
class _Forward(torch.autograd.Function):
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


class _Backward(torch.autograd.Function):
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
        return _Forward.apply(*inputs)
    with torch._C._AutoDispatchBelowAutograd():
        return rnn_forward(*inputs)


def _call_backward(*inputs: Any) -> Any:
    if torch.is_grad_enabled():
        return _Backward.apply(*inputs)
    with torch._C._AutoDispatchBelowAutograd():
        return rnn_backward(*inputs)


_library.impl("rnn_forward", _call_forward, "Autograd")
_library.impl("rnn_backward", _call_backward, "Autograd")

for _device in ("cpu", "cuda"):
    torch.library.register_autocast("rnnfast::rnn_forward", _device, torch.float32, lib=_library)
