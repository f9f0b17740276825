"""The ways in which a SimpleRNN goes over the steps of a batch, forward and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from rnnfast.functional import rnn_backward, rnn_forward
from rnnfast.layout import contiguous
from rnnfast.reference import Gradients
from rnnfast.segments import checkpointed_backward, checkpointed_forward
from rnnfast.typing import Array


class Weights(NamedTuple):
    """w_ih (H, I), w_hh (H, H), b (H,)."""

    w_ih: Array
    w_hh: Array
    b: Array


class Dropped(NamedTuple):
    """What one batch leaves out at random, None where nothing: masks of 0 and 1 / (1 - rate) but for zoneout.

    Attributes:
        input: multiplies x at every step, (B, I).
        recurrent: multiplies h_{t-1} where it enters the recurrent product, (B, H).
        zoneout: where a unit keeps its previous state, (T, B, H) of bool.
        weights: multiplies w_hh, in its shape.
        output: multiplies what the layer returns: (T, B, H), or (B, H) of the last output.
    """

    input: Array | None = None
    recurrent: Array | None = None
    zoneout: Array | None = None
    weights: Array | None = None
    output: Array | None = None


class Batch(NamedTuple):
    """What a recurrence reads.

    Attributes:
        x: (T, B, I), in any order of memory.
        h0: (B, H); None for zeros.
        mask: the valid steps, (T, B) of bool, C-contiguous; None for all.
        dropped: in training.
    """

    x: Array
    h0: Array | None
    mask: Array | None
    dropped: Dropped


class Recurrence(ABC):
    """One batch on its way: `forward` once, then `backward`.

    Args:
        batch: what goes in.
        weights: those of the layer.
        options: of `rnn_forward`, which `rnn_backward` takes too if it is called.
        bptt_steps: see `rnn_backward`.
    """

    def __init__(self, batch: Batch, weights: Weights, options: dict[str, Any], *, bptt_steps: int | None) -> None:
        dropped = batch.dropped
        self.batch, self.weights = batch, weights
        if dropped.weights is not None:
            self.weights = weights._replace(w_hh=weights.w_hh * dropped.weights)
        masks = {"mask": batch.mask, "recurrent_mask": dropped.recurrent, "zoneout_mask": dropped.zoneout}
        self.options = {**options, **masks}
        self.bptt_steps = bptt_steps

    @abstractmethod
    def forward(self) -> tuple[Array | None, Array]:
        """y (T, B, H) in the order of time, None where it is not kept, and h_n (B, H)."""

    def backward(self, dy: Array | None, dh_n: Array | None, *, wants_dx: bool) -> Gradients:
        """The gradients by what was there before any mask, that of x where it is wanted.

        dy (T, B, H) and dh_n (B, H) are those of what `forward` returned; None means zeros.
        """
        gradients = self._backward(dy, dh_n, wants_dx=wants_dx)
        if self.batch.dropped.weights is not None:
            np.multiply(gradients.dw_hh, self.batch.dropped.weights, out=gradients.dw_hh)
        return gradients

    @abstractmethod
    def _backward(self, dy: Array | None, dh_n: Array | None, *, wants_dx: bool) -> Gradients:
        """The same, but that of w_hh by the product with its mask."""


class WholeRecurrence(Recurrence):
    """All steps in one call, which keeps every output."""

    def forward(self) -> tuple[Array, Array]:
        x = contiguous(self.batch.x)
        self._x = x if self.batch.dropped.input is None else x * self.batch.dropped.input
        self._y, h_n = rnn_forward(self._x, *self.weights, h0=self.batch.h0, **self.options)
        return self._y, h_n

    def _backward(self, dy: Array | None, dh_n: Array | None, *, wants_dx: bool) -> Gradients:
        w_ih, w_hh, _ = self.weights
        options = {**self.options, "h0": self.batch.h0, "dh_n": dh_n, "bptt_steps": self.bptt_steps}
        gradients = rnn_backward(dy, self._x, self._y, w_ih, w_hh, **options, wants_dx=wants_dx)
        if wants_dx and self.batch.dropped.input is not None:
            np.multiply(gradients.dx, self.batch.dropped.input, out=gradients.dx)
        return gradients


class CheckpointedRecurrence(Recurrence):
    """Segment by segment, which keeps the state before each; see `rnnfast.segments`."""

    def __init__(self, *arguments: Any, checkpoint_every: int, bptt_steps: int | None) -> None:
        super().__init__(*arguments, bptt_steps=bptt_steps)
        self.options |= {"input_mask": self.batch.dropped.input, "checkpoint_every": checkpoint_every}

    def forward(self) -> tuple[None, Array]:
        self._states, h_n = checkpointed_forward(self.batch.x, *self.weights, h0=self.batch.h0, **self.options)
        return None, h_n

    def _backward(self, dy: Array | None, dh_n: Array | None, *, wants_dx: bool) -> Gradients:
        options = {**self.options, "dh_n": dh_n, "bptt_steps": self.bptt_steps}
        on_dx = None if wants_dx else _drop
        return checkpointed_backward(dy, self.batch.x, self._states, *self.weights, on_dx=on_dx, **options)


def _drop(times: slice, dx: Array) -> None:
    """What becomes of a gradient that nobody wants."""
