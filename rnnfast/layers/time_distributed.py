"""One layer, applied to each step of a sequence by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnfast.layers.base import Layer, Shape
from rnnfast.layers.wrapper import Wrapper, check_layer
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed

# What would take more, or give more, than one step by itself.
_REFUSED = {"stateful": True, "return_state": True, "merge_mode": None}


class TimeDistributed(Wrapper):
    """y[:, t] = layer(x[:, t]), for x (B, T, ...): with the same weights, and dropout masks of its own, at each step.

    The steps go through the layer as one batch of T B, so that this costs no more than the layer. Dense and Dropout
    take (B, T, F) themselves and do the same there. Around an Embedding x is integers (B, T, S), y (B, T, S, E); around
    a SimpleRNN x is (B, T, S, I), y (B, T, units): a vector for each sentence of a text, say.

    Weights: those of the layer.

    Args:
        layer: a pattern for the layer, see Wrapper; not stateful, with one output, and with weights of its own.
        activity_regularizer: name or object of `rnnfast.regularizers`, of y.
        name, dtype, seed: see Layer; dtype and seed by default those of `layer`.
        input_shape: see Layer; by default that of `layer` with an axis of steps before it.

    Attributes:
        layer: the layer that is applied.

    Raises:
        TypeError: `layer` is no Layer.
        ValueError: a layer that cannot be applied so, or of another dtype, or with an activity_regularizer.
    """

    supports_masking = True

    def __init__(
        self,
        layer: Layer,
        *,
        activity_regularizer: str | Regularizer | None = None,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        check_layer("layer", layer)
        for option, value in _REFUSED.items():
            if getattr(layer, option, ...) is value:
                raise ValueError(f"layer: expected another {option} inside TimeDistributed, got {value}")
        if type(layer).connect is not Layer.connect:
            raise ValueError(f"layer: expected one that shares no weights, got {type(layer).__name__}")
        if input_shape is None and layer.input_shape is not None:
            input_shape = (None, *layer.input_shape)
        super().__init__(
            {"layer": layer},
            name=name,
            dtype=dtype,
            seed=seed,
            input_shape=input_shape,
            activity_regularizer=activity_regularizer,
        )
        self.layer = self.add_inner(layer)
        self.takes_integers = self.layer.takes_integers

    def inner_shape(self, shape: Shape) -> Shape:
        return (shape[0], *shape[2:])

    def check_input_shape(self, shape: Shape) -> None:
        if len(shape) < 3:
            raise ValueError(f"x: TimeDistributed expected (batch, time, ...) of at least 3 axes, got shape {shape}")
        super().check_input_shape(shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        batch, *rest = self.layer.output_shape(self.inner_shape(input_shape))
        return (batch, input_shape[1], *rest)

    def check_input(self, x: object) -> Array:
        array = np.asarray(x)
        self.check_input_shape(array.shape)
        self._check_not_empty(array)
        return _unfold(self.layer.check_input(_fold(array)), array.shape[1])

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        return _unfold(self.layer.forward(_fold(x), training), x.shape[1])

    def backward(self, dy: Array) -> Array | None:
        self.layer.wants_dx = self.wants_dx
        dx = self.layer.backward(_fold(dy))
        return None if dx is None else _unfold(dx, dy.shape[1])


def _fold(x: Array) -> Array:
    """(B, T, ...) as (T B, ...): a view where x lies time-major."""
    steps = x.swapaxes(0, 1)
    return steps.reshape(-1, *steps.shape[2:])


def _unfold(rows: Array, seq_len: int) -> Array:
    """The inverse of `_fold`, as a view."""
    return rows.reshape(seq_len, -1, *rows.shape[1:]).swapaxes(0, 1)
