"""The recurrence inside of JAX, on the CPU: a custom call that XLA makes itself, without a way through Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast import checks, pointwise
from rnnfast.optional import require
from rnnfast.pointwise import Activation
from rnnfast.problem import Problem

for module in ("jax", "jax.ffi"):  # older ones have no jax.ffi
    require(module, extra="jax", user="rnnfast.jax")

import jax.numpy as jnp  # noqa: E402

import rnnfast.jax.batching  # noqa: E402, F401
from rnnfast.jax.options import Options, attributes  # noqa: E402
from rnnfast.jax.primitives import INPUTS, forward  # noqa: E402
from rnnfast.jax.varying import alike  # noqa: E402

__all__ = ["rnn"]


def rnn(
    x: Any,
    w_ih: Any,
    w_hh: Any,
    b: Any,
    h0: Any = None,
    lengths: Any = None,
    *,
    mask: Any = None,
    recurrent_mask: Any = None,
    masked_output: str = "zero",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
    variant: str = "auto",
    precision: str = "highest",
    batch_first: bool = False,
) -> tuple[Any, Any]:
    """`rnnfast.rnn_forward` as a function of JAX arrays, under jit, grad and vmap.

    Gradients are those of `rnnfast.rnn_backward`, by x, w_ih, w_hh, b and h0, in reverse mode and of the first order:
    jvp, a gradient of a gradient, and one by recurrent_mask raise NotImplementedError. vmap over x, h0, lengths or
    either mask is one call with a larger batch; over weights, and of a gradient by weights for each example, one call
    after another. Arrays on another device than the CPU raise NotImplementedError, as the function is compiled.

    Args:
        x: input, (T, B, I); float32 or float64, as every other array.
        w_ih: input weights, (H, I).
        w_hh: recurrent weights, (H, H), (heads, H / heads, H / heads) or (H,), as in `rnnfast.rnn_forward`.
        b: bias, (H,).
        h0: initial state, (B, H); zeros by default.
        lengths: valid steps of each sequence, (B,) integers in 0..T.
        mask: in place of lengths, which steps are valid, (T, B) of bool.
        recurrent_mask: as in `rnnfast.rnn_forward`, (B, H): dropout of the states that a step receives.
        masked_output, activation, clip, reverse: as in `rnnfast.rnn_forward`.
        bptt_steps: as in `rnnfast.rnn_backward`.
        variant, precision: as in `rnnfast.rnn_forward`; chosen as the function is compiled, for the number of threads
            of that moment.
        batch_first: x, y and mask have the batch as their first axis: (B, T, I), (B, T, H), (B, T). What is given so is
            put into the order of time once; the gradient by x is computed in its own order. Errors name time first.

    Returns:
        y, (T, B, H), and h_n, (B, H).

    Raises:
        ValueError, TypeError: a shape, dtype or option, as in `rnnfast.rnn_forward`, when the function is traced. A
            length outside 0..T raises JAX's error of a failed computation when it runs.
    """
    arrays = {"x": x, "w_ih": w_ih, "w_hh": w_hh, "b": b, "h0": h0}
    others = {"lengths": lengths, "mask": mask, "recurrent_mask": recurrent_mask}
    given = {name: jnp.asarray(value) for name, value in {**arrays, **others}.items() if value is not None}
    if lengths is not None and mask is not None:
        raise ValueError("mask: expected None where lengths are given, got both")
    options = Options(
        pointwise.get(activation), clip, reverse, bptt_steps, masked_output, variant, precision, bool(batch_first)
    )
    problem = options.problem(given["x"], given["w_hh"], recurrent_dropout=recurrent_mask is not None)
    for name, value in given.items():
        checks.check_shape(problem, name, options.time_first(name, value.shape))
        _check_dtype(name, value.dtype, problem)
    attributes(problem, variant)
    if h0 is None:
        given["h0"] = jnp.zeros((problem.batch, problem.hidden_size), problem.dtype)
    if lengths is not None:
        given["lengths"] = given["lengths"].astype(np.int32)
    names = (*INPUTS, *(name for name in others if name in given))
    y, h_n = forward.bind(*alike([given[name] for name in names]), names=names, options=options)
    return y, h_n


def _check_dtype(name: str, dtype: Any, problem: Problem) -> None:
    if name == "lengths":
        fits, expected = np.issubdtype(dtype, np.integer), "an integer dtype"
    elif name == "mask":
        fits, expected = dtype == np.bool_, "dtype bool"
    else:
        fits, expected = dtype == problem.dtype, f"dtype {problem.dtype}"
    if not fits:
        raise TypeError(f"{name}: expected {expected}, got {dtype}")
