"""The recurrence as a function of tensors."""

from __future__ import annotations

from torch import Tensor

from rnnfast import pointwise
from rnnfast.pointwise import Activation
from rnnfast.torch.derivatives import recurrence
from rnnfast.torch.operands import ForwardInputs, Options


def rnn_forward(
    x: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    h0: Tensor | None = None,
    lengths: Tensor | None = None,
    mask: Tensor | None = None,
    recurrent_mask: Tensor | None = None,
    masked_output: str = "zero",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    precision: str = "highest",
) -> tuple[Tensor, Tensor]:
    """`rnnfast.rnn_forward` of tensors, through whose outputs `backward` goes.

    Args:
        x: input, (T, B, I), in float32 or float64, or in float16 or bfloat16, which are computed with in float32.
        w_ih, w_hh: weights, (H, I) and (H, H), of the dtype of x.
        b, b_hh: biases, (H,), which are added; zeros by default.
        h0: initial state, (B, H); zeros by default.
        lengths: valid steps of each sequence, (B,) integers in 0..T.
        mask: in place of lengths, which steps are valid, (T, B) of bool.
        recurrent_mask: (B, H), multiplies h_{t-1} where it enters the recurrent product. It has no gradient.
        masked_output, activation, clip, reverse, precision: see `rnnfast.rnn_forward`.

    Returns:
        y, (T, B, H): every h_t; and h_n, (B, H): the last valid state.

    Raises:
        ValueError, TypeError: as `rnnfast.rnn_forward`. RuntimeError: the tensors lie on a GPU, and CuPy cannot run.
    """
    function = pointwise.get(activation)
    options = Options(masked_output, function.name, function.alpha, function.beta, clip, reverse, precision)
    h0 = None if h0 is None else h0.unsqueeze(0)
    y, h_n = recurrence(ForwardInputs(x, w_ih, w_hh, b, b_hh, h0, lengths, mask, recurrent_mask), options)
    return y, h_n.squeeze(0)
