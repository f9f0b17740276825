"""What the kernels take of what a layer of Keras may be asked for."""

from __future__ import annotations

from typing import Any

import keras
from keras import activations

from rnnfast import Activation
from rnnfast.keras.framework import NAME, framework
from rnnfast.problem import DTYPES

ACTIVATIONS = {
    **{
        getattr(activations, name): Activation(name)
        for name in ("tanh", "relu", "sigmoid", "linear", "elu", "selu", "softsign", "softplus", "hard_tanh")
    },
    activations.leaky_relu: Activation("leaky_relu", alpha=0.2),
    activations.hard_sigmoid: Activation("hard_sigmoid", alpha=1 / 6),
    activations.relu6: Activation("hard_tanh", alpha=0, beta=6),
}
"""Of functions of Keras with their defaults."""


def reason_against(layer: Any, sequences: Any, mask: Any) -> str | None:
    """Why the kernels do not take a call, in words, or None: they do."""
    if framework is None:
        return f"the backend {NAME} has no kernels"
    cell = layer.cell
    activation = ACTIVATIONS.get(cell.activation)
    if activation is None:
        return f"the activation {_name(cell.activation)} is not covered"
    dtype = keras.backend.standardize_dtype(sequences.dtype)
    if dtype not in DTYPES:
        return f"{dtype} is not covered"
    if 0 in tuple(sequences.shape):
        return "an input without elements is not covered"
    if mask is not None and len(mask.shape) != 2:
        return f"a mask of {len(mask.shape)} axes is not covered"
    if mask is not None and layer.unroll:
        return "with unroll=True a mask means something else"
    return framework.reason_against(sequences, activation)


def _name(activation: Any) -> str:
    return str(getattr(activation, "__name__", type(activation).__name__))
