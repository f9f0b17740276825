"""Keras on JAX: the custom calls of `rnnfast.jax`."""

from __future__ import annotations

from typing import Any

import jax

from rnnfast import Activation
from rnnfast.jax import rnn

ZEROS_FIRST = False


def rnn_forward(x: Any, w_ih: Any, w_hh: Any, b: Any, *, recurrent_mask: None, **options: Any) -> tuple[Any, Any]:
    return rnn(x, w_ih, w_hh, b, **options)


def reason_against(sequences: Any, activation: Activation, *, recurrent_dropout: bool) -> str | None:
    if jax.default_backend() != "cpu":
        return f"JAX on {jax.default_backend()} is not covered"
    return "recurrent_dropout in training is not covered on JAX" if recurrent_dropout else None
