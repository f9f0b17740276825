"""The recurrence and its gradient as operators of torch: `torch.ops.rnnfast.rnn_forward` and `rnn_backward`.

Arguments are those of `rnnfast.rnn_forward` and `rnnfast.rnn_backward`, as tensors, and have no defaults: torch would
leave out what equals them. There may be two biases, b and b_hh, (H,), which are added, and both have the gradient db.
h0, h_n and their gradients are (1, B, H), with the axis of layers that the modules have. dx has no elements unless
`wants_dx`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnfast.torch.gpu import GpuKernels
from rnnfast.torch.host import HOST

_OPTIONS = (
    "Tensor? h0, Tensor? lengths, Tensor? mask, Tensor? recurrent_mask, "
    "str masked_output, str activation, float? alpha, float? beta, float? clip, bool reverse, str precision"
)
_SCHEMAS = {
    "rnn_forward": (
        f"(Tensor x, Tensor w_ih, Tensor w_hh, Tensor? b, Tensor? b_hh, {_OPTIONS}) -> (Tensor y, Tensor h_n)"
    ),
    "rnn_backward": (
        f"(Tensor? dy, Tensor? dh_n, bool wants_dx, Tensor x, Tensor y, Tensor w_ih, Tensor w_hh, {_OPTIONS}) "
        "-> (Tensor dx, Tensor dw_ih, Tensor dw_hh, Tensor db, Tensor dh0)"
    ),
}

library = torch.library.Library("rnnfast", "DEF")
for _name, _schema in _SCHEMAS.items():
    library.define(_name + _schema, tags=(torch.Tag.pt2_compliant_tag,))
for _device, _kernels in (("CPU", HOST), ("CUDA", GpuKernels("cupy"))):
    library.impl("rnn_forward", _kernels.forward, _device)
    library.impl("rnn_backward", _kernels.backward, _device)

rnn_forward = torch.ops.rnnfast.rnn_forward.default
rnn_backward = torch.ops.rnnfast.rnn_backward.default


for _device in ("cpu", "cuda"):
    torch.library.register_autocast("rnnfast::rnn_forward", _device, torch.float32, lib=library)


def _empty_forward(x: Tensor, w_ih: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    seq_len, batch, _input_size = x.shape
    return x.new_empty(seq_len, batch, w_ih.shape[0]), x.new_empty(1, batch, w_ih.shape[0])


def _empty_backward(
    dy: Any, dh_n: Any, wants_dx: bool, x: Tensor, y: Tensor, w_ih: Tensor, w_hh: Tensor, *_: Any
) -> tuple[Tensor, ...]:
    hidden_size = w_ih.shape[0]
    parameters = w_ih.new_empty(w_ih.shape), w_hh.new_empty(w_hh.shape), x.new_empty(hidden_size)
    return x.new_empty(x.shape if wants_dx else 0), *parameters, x.new_empty(1, x.shape[1], hidden_size)


def _each(operator: Any) -> Any:
    """The operator under vmap: one call for each element."""

    def call(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Any, ...]:
        results = [
            operator(
                *(each if dim is None else each.select(dim, index) for each, dim in zip(inputs, in_dims, strict=True))
            )
            for index in range(info.batch_size)
        ]
        outputs = tuple(torch.stack(each) for each in zip(*results, strict=True))
        return outputs, (0,) * len(outputs)

    return call


for _operator, _empty in ((rnn_forward, _empty_forward), (rnn_backward, _empty_backward)):
    _name = _operator.name()
    torch.library.register_fake(_name, _empty, lib=library)
    torch.library.register_vmap(_name, _each(_operator), lib=library)
