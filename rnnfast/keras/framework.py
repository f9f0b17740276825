"""The framework that Keras computes with in this process, and the module for it."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

import keras

from rnnfast import Activation

NAME: str = keras.backend.backend()


class Framework(Protocol):
    """What there is for each framework.

    Attributes:
        ZEROS_FIRST: Keras's outputs at masked steps before the first valid one are 0 there, not the initial state.
    """

    ZEROS_FIRST: bool

    def rnn_forward(self, x: Any, w_ih: Any, w_hh: Any, b: Any, **options: Any) -> tuple[Any, Any]:
        """`rnnfast.rnn_forward` of its tensors, with derivatives, x, y and mask with the batch as their first axis, and
        with h0, mask, recurrent_mask, masked_output, activation and reverse among the options."""

    def reason_against(self, sequences: Any, activation: Activation) -> str | None:
        """Why it does not take a call, in words, or None."""


FRAMEWORKS = "jax", "torch", "tensorflow"

framework = cast("Framework", import_module(f"rnnfast.keras.on_{NAME}") if NAME in FRAMEWORKS else None)
"""None where there is no module for it: nothing is covered then."""
