"""Operands of one small problem for the tests of `rnnfast.torch`."""

from __future__ import annotations

from typing import Any

import torch

SEQ_LEN, BATCH, INPUT_SIZE, HIDDEN_SIZE = 5, 3, 2, 4
SHAPES = {
    "x": (SEQ_LEN, BATCH, INPUT_SIZE),
    "w_ih": (HIDDEN_SIZE, INPUT_SIZE),
    "w_hh": (HIDDEN_SIZE, HIDDEN_SIZE),
    "b": (HIDDEN_SIZE,),
    "b_hh": (HIDDEN_SIZE,),
    "h0": (BATCH, HIDDEN_SIZE),
}


def arguments(dtype: Any = torch.float64, *, requires_grad: bool = True) -> dict[str, Any]:
    """As `rnnfast.torch.rnn_forward` takes them, by name."""
    torch.manual_seed(0)
    return {name: torch.randn(shape, dtype=dtype, requires_grad=requires_grad) for name, shape in SHAPES.items()}
