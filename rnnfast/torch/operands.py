"""What the operators take, in the order of their arguments: tensors, then options."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from rnnfast.pointwise import Activation


class ForwardInputs(NamedTuple):
    """Of `rnn_forward`; there may be two biases, which are added."""

    x: Tensor  # (T, B, I)
    w_ih: Tensor  # (H, I)
    w_hh: Tensor  # (H, H), or with heads as in rnnfast.rnn_forward
    b: Tensor | None = None  # (H,)
    b_hh: Tensor | None = None  # (H,)
    h0: Tensor | None = None  # (1, B, H)
    lengths: Tensor | None = None  # (B,)
    mask: Tensor | None = None  # (T, B)
    recurrent_mask: Tensor | None = None  # (B, H)


class BackwardInputs(NamedTuple):
    """Of `rnn_backward`."""

    dy: Tensor | None  # (T, B, H)
    dh_n: Tensor | None  # (1, B, H)
    wants_dx: bool
    x: Tensor
    y: Tensor  # (T, B, H)
    w_ih: Tensor
    w_hh: Tensor
    h0: Tensor | None
    lengths: Tensor | None
    mask: Tensor | None
    recurrent_mask: Tensor | None


class Options(NamedTuple):
    """Of both."""

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
