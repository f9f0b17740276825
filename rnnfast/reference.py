"""The specification: the plain recurrence and its gradient in NumPy, slow and obvious.

Shapes: x (T, B, I), w_ih (H, I), w_hh (H, H) or (heads, H / heads, H / heads) or (H,), b (H,), h0 (B, H), lengths (B,),
mask (T, B), y (T, B, H), h_n (B, H).

    (1)  a_t  = x_t W_ih^T + h_{t-1} W_hh^T + b
    (2)  h_t  = f(a_t)                          with clip: f(min(max(a_t, -clip), clip))
    (3)  dh_t = dy_t + da_{t+1} W_hh            (+ dh_n at the last step)
    (4)  da_t = dh_t * f'(a_t)                  f' from h_t alone; with clip: 0 where h_t is at or beyond f(+-clip)
    (5)  dW_ih = sum_t da_t^T x_t,  dW_hh = sum_t da_t^T h_{t-1},  db = sum_t da_t
    (6)  dx_t = da_t W_ih,  dh_0 = da_1 W_hh

W_hh is w_hh, or the block-diagonal matrix of its blocks, or the diagonal one of its elements.

The options of the cell (`rnnfast.rnn_forward` says whose they are): with a recurrent mask m, a gain, a zoneout mask z

    (1')  s_t  = x_t W_ih^T + (m * h_{t-1}) W_hh^T
          n_t  = (s_t - mean(s_t)) / d_t,  d_t = sqrt(variance(s_t) + epsilon), both over the H units
          a_t  = gain * n_t + b
    (2')  h_t  = h_{t-1} where z_t, else f(a_t); with a rate in place of z: rate h_{t-1} + (1 - rate) f(a_t)
    (4')  da_t = 0 where z_t
          ds_t = (g_t - mean(g_t) - n_t mean(g_t * n_t)) / d_t,  g_t = gain * da_t; without a gain da_t
    (5')  dW_ih = sum_t ds_t^T x_t,  dW_hh = sum_t ds_t^T (m * h_{t-1}),  dgain = sum_t da_t * n_t
    (6')  dx_t = ds_t W_ih,  and to dh_{t-1} goes  m * (ds_t W_hh) + (dh_t where z_t)

A step at or past a sequence's length, or where the mask is False, is masked: the state is held, and the output is 0
(`masked_output="zero"`) or that state ("hold"). With `reverse` the steps are processed from the last to the first;
outputs stay in time order, and since a masked step holds the state, each sequence is reversed within its own length.

All is computed in the dtype of the weights. Where x has another one, y and dx do too, and dy: what is read is widened,
states and gradients are carried as they are computed, and y and dx are rounded once, as they are stored. The pass back
takes the stored y for the states.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from rnnfast import pointwise
from rnnfast.cell_options import EPSILON
from rnnfast.pointwise import Activation
from rnnfast.typing import Array


class Gradients(NamedTuple):
    """Gradients of `rnn_backward`, each in the shape of what it belongs to.

    dx is None where it was not wanted, and dgain without a gain.
    """

    dx: Any
    dw_ih: Array
    dw_hh: Array
    db: Array
    dh0: Array
    dgain: Array | None = None


def rnn_forward(
    x: Array,
    w_ih: Array,
    w_hh: Array,
    b: Array,
    *,
    h0: Array | None = None,
    lengths: Array | None = None,
    mask: Array | None = None,
    masked_output: str = "zero",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    recurrent_mask: Array | None = None,
    zoneout_mask: Array | None = None,
    zoneout: float = 0.0,
    gain: Array | None = None,
    epsilon: float = EPSILON,
) -> tuple[Array, Array]:
    """Outputs y (T, B, H) and last valid state h_n (B, H). Arguments are taken as already checked."""
    seq_len, batch, _ = x.shape
    f = pointwise.get(activation).f
    valid = valid_steps(seq_len, batch, lengths, mask)
    state = np.zeros((batch, len(b)), b.dtype) if h0 is None else h0
    y = np.zeros((seq_len, batch, len(b)), x.dtype)
    x = x.astype(b.dtype, copy=False)
    transposed = blocks(w_hh).swapaxes(1, 2)
    for t in processing_order(seq_len, reverse):
        s = np.where(valid[t], x[t], 0) @ w_ih.T + product(entering(state, recurrent_mask), transposed)  # (1)
        a = s + b if gain is None else gain * normalised(s, epsilon)[0] + b
        fresh = f(a if clip is None else np.clip(a, -clip, clip))  # (2)
        if zoneout_mask is not None:
            fresh = np.where(zoneout_mask[t], state, fresh)
        elif zoneout:
            fresh = zoneout * state + (1 - zoneout) * fresh
        state = np.where(valid[t], fresh, state)
        y[t] = state if masked_output == "hold" else np.where(valid[t], state, 0)
    return y, state.copy()


def rnn_backward(
    dy: Array | None,
    x: Array,
    y: Array,
    w_ih: Array,
    w_hh: Array,
    *,
    h0: Array | None = None,
    dh_n: Array | None = None,
    lengths: Array | None = None,
    mask: Array | None = None,
    masked_output: str = "zero",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
    recurrent_mask: Array | None = None,
    zoneout_mask: Array | None = None,
    gain: Array | None = None,
    epsilon: float = EPSILON,
) -> Gradients:
    """Gradients for dy (T, B, H) on the outputs and dh_n (B, H) on the last valid state; None means zero.

    `bptt_steps` cuts each sequence, from the first step that it processes, into windows of so many valid steps: the
    state crosses a cut, the gradient does not. What y holds at masked steps is not used.
    """
    seq_len, batch, _ = x.shape
    function, matrices = pointwise.get(activation), blocks(w_hh)
    heads = len(matrices)
    valid = valid_steps(seq_len, batch, lengths, mask)
    initial = np.zeros((batch, len(w_ih)), w_ih.dtype) if h0 is None else h0
    carry = np.zeros_like(initial) if dh_n is None else dh_n  # dL/dh_t that comes from later steps
    dx = np.zeros_like(x)
    x, y = (array.astype(w_ih.dtype, copy=False) for array in (x, y))
    dy = None if dy is None else dy.astype(w_ih.dtype, copy=False)
    dw_ih, dw_hh, db = np.zeros_like(w_ih), np.zeros_like(w_hh), np.zeros_like(w_ih[:, 0])
    dgain = None if gain is None else np.zeros_like(gain)
    order = list(processing_order(seq_len, reverse))
    states = [initial]  # h_{t-1} of every step
    for t in order:
        states.append(np.where(valid[t], y[t], states[-1]))
    for step in reversed(range(seq_len)):
        t, previous = order[step], states[step]
        dh = carry if dy is None else dy[t] + carry  # (3)
        held = np.zeros_like(dh, bool) if zoneout_mask is None else zoneout_mask[t]
        da = np.where(valid[t] & ~held, dh * derivative(function, clip, states[step + 1]), 0)  # (4)
        now, before = np.where(valid[t], x[t], 0), entering(previous, recurrent_mask)
        ds = da
        if gain is not None:
            n, d = normalised(now @ w_ih.T + product(before, matrices.swapaxes(1, 2)), epsilon)
            g = gain * da
            ds = (g - g.mean(axis=1, keepdims=True) - n * (g * n).mean(axis=1, keepdims=True)) / d
            dgain += (da * n).sum(axis=0)
        dw_ih += ds.T @ now  # (5)
        dw_hh += (by_head(ds, heads).swapaxes(1, 2) @ by_head(before, heads)).reshape(w_hh.shape)
        db += da.sum(axis=0)
        dx[t] = ds @ w_ih  # (6)
        further = entering(product(ds, matrices), recurrent_mask) + np.where(held, dh, 0)
        carry = np.where(valid[t], further, dh if masked_output == "hold" else carry)
        if bptt_steps is not None:
            position = valid[:t].sum(axis=0) if not reverse else valid[t + 1 :].sum(axis=0)
            carry = np.where(valid[t] & (position > 0) & (position % bptt_steps == 0), 0, carry)
    return Gradients(dx, dw_ih, dw_hh, db, carry.copy(), dgain)


def entering(state: Array, recurrent_mask: Array | None) -> Array:
    """m * h_{t-1}: the state as it enters the recurrent product, (B, H)."""
    return state if recurrent_mask is None else recurrent_mask * state


def normalised(s: Array, epsilon: float) -> tuple[Array, Array]:
    """n_t (B, H), of mean 0 and about variance 1 over the units, and d_t (B, 1)."""
    d = np.sqrt(s.var(axis=1, keepdims=True) + epsilon)
    return (s - s.mean(axis=1, keepdims=True)) / d, d


def blocks(w_hh: Array) -> Array:
    """The blocks on the diagonal of W_hh, (heads, H / heads, H / heads)."""
    return w_hh[:, None, None] if w_hh.ndim == 1 else w_hh.reshape(-1, *w_hh.shape[-2:])


def by_head(units: Array, heads: int) -> Array:
    """(heads, B, H / heads) of (B, H)."""
    return units.reshape(len(units), heads, -1).swapaxes(0, 1)


def product(units: Array, matrices: Array) -> Array:
    """(B, H): of each head its units times its matrix."""
    return (by_head(units, len(matrices)) @ matrices).swapaxes(0, 1).reshape(units.shape)


def derivative(activation: Activation, clip: float | None, y: Array) -> Array:
    """f' of the clamped pre-activation in terms of the output y; 0 where y is at or beyond f(clip) or f(-clip).

    Every f is monotone, and where it is not strictly so f' is 0: y tells exactly which steps were clamped.
    """
    df = activation.df(y)
    if clip is None:
        return df
    low, high = np.sort(activation.f(np.array([-clip, clip], y.dtype)))
    return np.where((y <= low) | (y >= high), np.zeros_like(df), df)


def processing_order(seq_len: int, reverse: bool) -> Iterable[int]:
    """The time indices in the order in which the recurrence visits them."""
    return range(seq_len - 1, -1, -1) if reverse else range(seq_len)


def valid_steps(seq_len: int, batch: int, lengths: Array | None, mask: Array | None) -> Array:
    """Boolean (T, B, 1): whether step t of each sequence lies before its length, or the mask is True there."""
    if mask is not None:
        return mask[:, :, None]
    if lengths is None:
        return np.ones((seq_len, batch, 1), dtype=bool)
    valid: Array = np.arange(seq_len)[:, None, None] < lengths[None, :, None]
    return valid
