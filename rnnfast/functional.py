"""The front door: the recurrence and its gradient as functions of arrays."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import numpy as np

from rnnfast import cell_options, checks, pointwise
from rnnfast.backends import REGISTRY, Plan
from rnnfast.cell_options import EPSILON, CellArguments
from rnnfast.home import is_of_numba, is_on_gpu
from rnnfast.plan import plan as make_plan
from rnnfast.pointwise import Activation
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

_CPU = REGISTRY["cpu"]


def rnn_forward(
    x: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b: ArrayLike,
    *,
    h0: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    masked_output: str = "zero",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    recurrent_mask: ArrayLike | None = None,
    zoneout_mask: ArrayLike | None = None,
    zoneout: float = 0.0,
    gain: ArrayLike | None = None,
    epsilon: float = EPSILON,
    backend: str = "auto",
    variant: str = "auto",
    precision: str = "highest",
    out: Array | None = None,
) -> tuple[Array, Array]:
    """The plain (Elman) recurrence h_t = f(x_t W_ih^T + h_{t-1} W_hh^T + b) over a whole sequence.

    Args:
        x: input, (T, B, I): seq_len, batch, input_size; float32 or float64, as every other array, or float16 or
            bfloat16 (of the package ml_dtypes). In 16 bits x and y take half the memory; weights, h0 and h_n are
            float32 then, and everything is computed as for the same x in float32: the state is carried in float32,
            y rounded to nearest even as it is stored, in float16 to infinity beyond 65504.
        w_ih: input weights, (H, I).
        w_hh: recurrent weights, (H, H); or, block-diagonal, (heads, H / heads, H / heads), where the units of head k
            depend on the state of head k alone (FlashRNN); or, diagonal, (H,), where each depends on itself (IndRNN).
        b: bias, (H,).
        h0: initial state, (B, H); zeros by default.
        lengths: valid steps of each sequence, (B,) integers in 0..T; those past them are masked.
        mask: in place of lengths, which steps are valid, (T, B) of bool. A masked step holds the state, so a
            sequence without valid steps keeps h0. What x holds there is never used, and it costs no arithmetic.
        masked_output: what y is at a masked step: "zero", or with "hold" the state that it holds, which repeats the
            output before it (h0 before the first valid step). Zeros are TensorFlow 1's and torch's definition and
            Keras's `zero_output_for_mask`; holding is what Keras does otherwise.
        activation: a name, or `rnnfast.Activation(name, alpha=..., beta=...)`; docs/semantics.md lists them.
        clip: clamp every pre-activation to [-clip, clip], as ONNX does; the gradient is 0 where h_t is at or beyond
            f(clip) or f(-clip).
        reverse: process from the last step to the first; y stays in time order, and each sequence is reversed
            within its own length.
        recurrent_mask: m (B, H), multiplies h_{t-1} where it enters the recurrent product, at every step: Keras's
            recurrent_dropout.
        zoneout_mask: (T, B, H) of bool; where True the unit keeps its previous state (Krueger et al. 2016).
        zoneout: in 0..1, for inference: h_t = zoneout h_{t-1} + (1 - zoneout) f(a_t), the expectation of what masks of
            that rate do. No gradient can be computed from such outputs.
        gain: (H,), normalises the pre-activation over the units: f(gain (s_t - mean) / sqrt(variance + epsilon) + b),
            s_t = x_t W_ih^T + h_{t-1} W_hh^T (Ba et al. 2016, eq. 4). A clip comes after it.
        epsilon: above 0; the default is that of torch's LayerNorm.
        backend: "auto", "cpu", "cupy", "numba" or "reference"; `rnnfast.backends()` lists them. "cupy" takes and gives
            arrays on the GPU, of CuPy or of anything there that speaks DLPack; "auto" takes it for such an x. "numba"
            takes Numba's, what has `__cuda_array_interface__`, and NumPy's, which it copies; it gives Numba's.
        variant: "auto" or a kernel of the backend; `rnnfast.variants(backend)` lists them.
        precision: "highest" (true float32), "high" or "medium" (bfloat16 products where the processor has tiles
            for them, else true float32; on a GPU "medium" takes float16 where x is stored in it).
        out: C-contiguous array (T, B, H) of the dtype of x to write y to, apart from every input.

    Returns:
        y, (T, B, H), of the dtype of x: every h_t; and h_n, (B, H): the last valid state.

    Raises:
        ValueError: a wrong shape, length or option. TypeError: a wrong type or dtype. Both name the argument,
            what was expected and what came. RuntimeError: the backend asked for cannot run here.
    """
    cell = cell_options.given(recurrent_mask, zoneout_mask, zoneout, gain)
    plan = planned(
        x, w_hh, activation, clip, reverse, None, backend, variant, precision, masked_output, epsilon, cell=cell
    )
    if cell:
        return plan.forward(x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, out=out, **cell)
    return plan.forward(x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, out=out)  # unpacking nothing takes time


def rnn_backward(
    dy: ArrayLike | None,
    x: ArrayLike,
    y: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    *,
    h0: ArrayLike | None = None,
    dh_n: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    masked_output: str = "zero",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
    recurrent_mask: ArrayLike | None = None,
    zoneout_mask: ArrayLike | None = None,
    gain: ArrayLike | None = None,
    epsilon: float = EPSILON,
    wants_dx: bool = True,
    backend: str = "auto",
    variant: str = "auto",
    precision: str = "highest",
) -> Gradients:
    """Back-propagation through time for `rnn_forward`.

    Args:
        dy: gradient of the loss with respect to y, (T, B, H), of the dtype of x; None means zero.
        x, w_ih, w_hh, h0, lengths, mask, masked_output, activation, clip, reverse, recurrent_mask, zoneout_mask, gain,
            epsilon: as they went into `rnn_forward`.
        y: what came out of it, (T, B, H), and in 16 bits taken for the states as it is. What it and, where outputs are
            zero, dy hold at masked steps is never used.
        dh_n: gradient with respect to h_n, (B, H); None means zero.
        bptt_steps: cut each sequence into windows of so many valid steps, counted from the first that it
            processes; the state crosses a cut, the gradient does not.
        wants_dx: whether dx is computed; without, it is None, and a third of the products is saved where I = H.
        backend, variant, precision: as in `rnn_forward`.

    Returns:
        Gradients: dx (T, B, I), of the dtype of x, or None, dw_ih (H, I), dw_hh (as w_hh), db (H,), dh0 (B, H), dgain
            (H,) or None without gain. Where x has 16 bits, gradients are carried in float32 and dx alone is rounded.

    Raises:
        As `rnn_forward`.
    """
    cell = cell_options.given(recurrent_mask, zoneout_mask, gain=gain)
    plan = planned(
        x, w_hh, activation, clip, reverse, bptt_steps, backend, variant, precision, masked_output, epsilon, cell=cell
    )
    if cell:
        return plan.backward(
            dy, x, y, w_ih, w_hh, h0=h0, dh_n=dh_n, lengths=lengths, mask=mask, wants_dx=wants_dx, **cell
        )
    return plan.backward(dy, x, y, w_ih, w_hh, h0=h0, dh_n=dh_n, lengths=lengths, mask=mask, wants_dx=wants_dx)


def planned(
    x: ArrayLike,
    w_hh: ArrayLike,
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
    backend: str = "auto",
    variant: str = "auto",
    precision: str = "highest",
    masked_output: str = "zero",
    epsilon: float = EPSILON,
    *,
    cell: CellArguments | None = None,
) -> Plan:
    """The plan for the sizes of x and w_hh and for what `cell` holds; it checks every array against them itself."""
    if not isinstance(activation, str):
        activation = pointwise.get(activation)  # so that it can be hashed
    owner = REGISTRY.get(backend, _CPU)
    if owner is not _CPU or not isinstance(x, np.ndarray) or not isinstance(w_hh, np.ndarray):
        if backend == "auto" and is_on_gpu(x):
            names = ("numba",) if is_of_numba(x) else ("cupy", "numba")
            backend = next((name for name in names if REGISTRY[name].unavailable() is None), backend)
            owner = REGISTRY.get(backend, _CPU)
        home = owner.home()
        x, w_hh = checks.as_array("x", x, home), checks.as_array("w_hh", w_hh, home)
    return _plan_of(
        owner.context(),
        x.shape,
        w_hh.shape,
        x.dtype,
        activation,
        clip,
        reverse,
        bptt_steps,
        backend,
        variant,
        precision,
        masked_output,
        epsilon,
        cell_options.flags(**cell) if cell else (),
    )


@lru_cache(maxsize=256, typed=True)
def _plan_of(
    context: Hashable,  # what a plan chooses depends on it
    x_shape: tuple[int, ...],
    w_hh_shape: tuple[int, ...],
    dtype: np.dtype[Any],
    activation: str | Activation,
    clip: float | None,
    reverse: bool,
    bptt_steps: int | None,
    backend: str,
    variant: str,
    precision: str,
    masked_output: str,
    epsilon: float,
    cell_flags: tuple[str, ...],
) -> Plan:
    # The last 256 are remembered: a plan is small, for workspaces are shared.
    return make_plan(
        **checks.sizes(x_shape, w_hh_shape, dtype.name),
        activation=activation,
        clip=clip,
        reverse=reverse,
        bptt_steps=bptt_steps,
        backend=backend,
        variant=variant,
        precision=precision,
        masked_output=masked_output,
        epsilon=epsilon,
        recurrent_dropout="recurrent_dropout" in cell_flags,
        zoneout="zoneout" in cell_flags,
        layer_norm="layer_norm" in cell_flags,
    )
