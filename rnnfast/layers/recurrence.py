"""The ways in which a SimpleRNN goes over the steps of a batch, forward and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from rnnfast.functional import rnn_backward, rnn_forward
from rnnfast.reference import Gradients, processing_order
from rnnfast.typing import Array


class Weights(NamedTuple):
    """w_ih (H, I), w_hh (H, H), b (H,)."""

    w_ih: Array
    w_hh: Array
    b: Array


class Batch(NamedTuple):
    """What a recurrence reads.

    Attributes:
        x: (T, B, I), in any order of memory.
        h0: (B, H); None for zeros.
        mask: the valid steps, (T, B) of bool, C-contiguous; None for all.
        input_dropout: what dropout multiplies x by at every step, (B, I); None for 1.
        recurrent_dropout: the same for h_{t-1}, (B, H).
    """

    x: Array
    h0: Array | None
    mask: Array | None
    input_dropout: Array | None
    recurrent_dropout: Array | None


class Recurrence(ABC):
    """One batch on its way: `forward` once, then `backward`.

    Args:
        batch: what goes in.
        weights: those of the layer.
        options: of `rnn_forward`, which `rnn_backward` takes too.
        bptt_steps: see `rnn_backward`.
    """

    def __init__(self, batch: Batch, weights: Weights, options: dict[str, Any], *, bptt_steps: int | None) -> None:
        self.batch, self.weights, self.options, self.bptt_steps = batch, weights, options, bptt_steps

    @abstractmethod
    def forward(self) -> tuple[Array, Array]:
        """y (T, B, H), in the order of time, and h_n (B, H)."""

    @abstractmethod
    def backward(self, dy: Array | None, dh_n: Array | None) -> Gradients:
        """The gradients, those of x and h0 before dropout; dy (T, B, H) and dh_n (B, H), None for zeros."""


class WholeRecurrence(Recurrence):
    """One call of the kernels."""

    def forward(self) -> tuple[Array, Array]:
        x, h0, mask, dropout, _ = self.batch
        steps = np.ascontiguousarray(x)
        self._x = steps if dropout is None else steps * dropout
        self._y, h_n = rnn_forward(self._x, *self.weights, h0=h0, mask=mask, **self.options)
        return self._y, h_n

    def backward(self, dy: Array | None, dh_n: Array | None) -> Gradients:
        _, h0, mask, dropout, _ = self.batch
        w_ih, w_hh, _ = self.weights
        options = {**self.options, "bptt_steps": self.bptt_steps}
        gradients = rnn_backward(dy, self._x, self._y, w_ih, w_hh, h0=h0, dh_n=dh_n, mask=mask, **options)
        return gradients if dropout is None else gradients._replace(dx=gradients.dx * dropout)


class StepwiseRecurrence(Recurrence):
    """One call of the kernels a step, for what they do not have: dropout between two steps.

    h_t = f(x_t W_ih^T + (recurrent_dropout * h_{t-1}) W_hh^T + b); a masked step holds the state as it is.
    """

    def forward(self) -> tuple[Array, Array]:
        x, h0, mask, dropout, recurrent_dropout = self.batch
        assert recurrent_dropout is not None
        self._x = np.ascontiguousarray(x if dropout is None else x * dropout)
        self._initial = np.zeros_like(recurrent_dropout) if h0 is None else h0
        self._order = list(processing_order(len(x), self.options["reverse"]))
        states, state = np.empty((*x.shape[:2], recurrent_dropout.shape[1]), x.dtype), self._initial
        for t in self._order:
            dropped = recurrent_dropout * state
            _, after = rnn_forward(self._x[t : t + 1], *self.weights, h0=dropped, mask=self._mask(t), **self.options)
            state = after if mask is None else np.where(mask[t, :, None], after, state)
            states[t] = state
        self._states = states
        zeros = mask is not None and self.options["masked_output"] == "zero"
        return np.where(mask[:, :, None], states, 0) if mask is not None and zeros else states, state

    def backward(self, dy: Array | None, dh_n: Array | None) -> Gradients:
        """The mirror of `forward`: dh_{t-1} = dy_{t-1} + recurrent_dropout * (da_t W_hh)."""
        _, _, mask, dropout, recurrent_dropout = self.batch
        assert recurrent_dropout is not None
        w_ih, w_hh, _ = self.weights
        dx = np.empty_like(self._x)
        dw_ih, dw_hh, db = (np.zeros_like(w) for w in self.weights)
        carry = np.zeros_like(self._initial) if dh_n is None else dh_n
        for step in reversed(range(len(dx))):
            t = self._order[step]
            here = slice(t, t + 1)
            before = self._initial if step == 0 else self._states[self._order[step - 1]]
            gradients = rnn_backward(
                None if dy is None else dy[here],
                self._x[here],
                self._states[here],
                w_ih,
                w_hh,
                h0=recurrent_dropout * before,
                dh_n=carry,
                mask=self._mask(t),
                **self.options,
            )
            dx[t] = gradients.dx[0]
            dw_ih += gradients.dw_ih
            dw_hh += gradients.dw_hh
            db += gradients.db
            carry = recurrent_dropout * gradients.dh0
            if mask is not None:
                carry = np.where(mask[t, :, None], carry, gradients.dh0)
        return Gradients(dx if dropout is None else dx * dropout, dw_ih, dw_hh, db, carry)

    def _mask(self, t: int) -> Array | None:
        return None if self.batch.mask is None else self.batch.mask[t : t + 1]
