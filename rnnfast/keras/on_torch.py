"""Keras on torch: the operators of `rnnfast.torch`."""

from __future__ import annotations

from typing import Any

from rnnfast import Activation, backends
from rnnfast.torch import rnn_forward as operator

ZEROS_FIRST = True


def rnn_forward(
    x: Any, w_ih: Any, w_hh: Any, b: Any, *, mask: Any, activation: Activation, **options: Any
) -> tuple[Any, Any]:
    mask = None if mask is None else mask.transpose(0, 1)
    y, h_n = operator(x.transpose(0, 1), w_ih, w_hh, b, mask=mask, activation=activation, **options)
    return y.transpose(0, 1), h_n


def reason_against(sequences: Any, activation: Activation) -> str | None:
    device = sequences.device.type
    if device == "cuda":
        why = dict(backends())["cupy"]
        return None if why is None else f"the backend cupy cannot run: {why}"
    return None if device in ("cpu", "meta") else f"torch on {device} is not covered"
