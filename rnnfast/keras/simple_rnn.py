"""`SimpleRNN`: what `keras.layers.SimpleRNN` is, on the kernels of rnnfast."""

from __future__ import annotations

import warnings
from typing import Any

import keras
from keras import ops

from rnnfast.keras.coverage import ACTIVATIONS, reason_against
from rnnfast.keras.framework import NAME, framework


@keras.saving.register_keras_serializable(package="rnnfast")
class SimpleRNN(keras.layers.SimpleRNN):  # type: ignore[misc]  # Keras may not be installed where this is checked
    """h_t = f(x_t W + h_{t-1} R + b) over a sequence, in one call instead of a loop over its steps.

    A drop-in for `keras.layers.SimpleRNN`, all of whose arguments it takes: weights, states, dropout masks,
    configuration and files are Keras's own, and the same seed gives the same numbers. Gradients are of the first order.
    Where the kernels do not cover what is asked for, Keras's loop runs, and a UserWarning names the reason, once for
    each layer and reason; docs/keras.md lists them.

    Raises:
        ValueError, TypeError: where Keras raises them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_up(self)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool | None = False) -> Any:
        """The recurrence, between the checks of `call` and its casts.

        Args:
            sequences: (B, T, I).
            initial_state: [(B, H)].
            mask: which steps are valid, (B, T), or None.

        Returns:
            The last output, (B, H), the outputs in the order of processing, (B, T, H), and the state, [(B, H)].
        """
        reason = reason_against(self, sequences, mask)
        if reason is not None:
            self._warn_once(reason)
            return super().inner_loop(sequences, initial_state, mask, training)

        cell, state = self.cell, initial_state[0]
        recurrent_mask = None
        if training:
            recurrent_mask = cell.get_recurrent_dropout_mask(state)
            if cell.dropout:
                sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0, :]), 1)
        if mask is not None:
            mask = ops.cast(mask, "bool")
        if self.stateful and NAME == "torch":
            state = ops.copy(state)  # its variable is written to before the backward pass reads it
        kernel, recurrent_kernel = (ops.convert_to_tensor(each) for each in (cell.kernel, cell.recurrent_kernel))
        y, h_n = framework.rnn_forward(
            sequences,
            ops.transpose(kernel),
            ops.transpose(recurrent_kernel),
            ops.zeros_like(kernel[0]) if cell.bias is None else ops.convert_to_tensor(cell.bias),
            h0=state,
            mask=mask,
            recurrent_mask=recurrent_mask,
            masked_output="zero" if self.zero_output_for_mask else "hold",
            activation=ACTIVATIONS[cell.activation],
            reverse=self.go_backwards,
        )
        last = h_n
        if mask is not None:
            if framework.ZEROS_FIRST and not self.zero_output_for_mask:
                y = ops.where(ops.expand_dims(self._started(mask), -1), y, ops.zeros_like(y))
            last = y[:, 0 if self.go_backwards else -1]
        if not self.return_sequences:
            return last, last, [h_n]
        return last, self._in_order(y), [h_n]

    def _started(self, mask: Any) -> Any:
        """At and after the first valid step, (B, T)."""
        return self._in_order(ops.cumsum(self._in_order(ops.cast(mask, "int32")), axis=1)) > 0

    def _in_order(self, steps: Any) -> Any:
        """From the order of time to the one of processing, and back."""
        return ops.flip(steps, 1) if self.go_backwards else steps

    def _warn_once(self, reason: str) -> None:
        given = self.__dict__.setdefault("_reasons_given", set())  # past Keras, which tracks attributes
        if reason not in given:
            given.add(reason)
            warnings.warn(f"rnnfast.keras, layer {self.name!r}: {reason}; Keras's own loop runs", stacklevel=3)


def set_up(layer: Any) -> None:
    """What a layer has that one of Keras's class has not."""
    if NAME == "tensorflow":
        layer.supports_jit = False  # XLA cannot call back into Python
