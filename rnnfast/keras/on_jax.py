"""Keras on JAX: the custom calls of `rnnfast.jax`."""

from __future__ import annotations

from typing import Any

import jax

from rnnfast import Activation
from rnnfast.jax import rnn

ZEROS_FIRST = False


def rnn_forward(x: Any, w_ih: Any, w_hh: Any, b: Any, **options: Any) -> tuple[Any, Any]:
    return rnn(x, w_ih, w_hh, b, batch_first=True, **options)


def reason_against(sequences: Any, activation: Activation) -> str | None:
    device = jax.default_backend()
    return None if device == "cpu" else f"JAX on {device} is not covered"
