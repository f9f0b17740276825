"""Training over long sequences in little memory: keep the state at the start of each segment, recompute the rest.

The forward pass keeps one state a segment in place of every output; the pass back goes through the segments from the
last to the first and computes the outputs of each again (gradient checkpointing: Chen et al. 2016, "Training Deep Nets
with Sublinear Memory Cost"). With T steps in segments of k, memory is O(T / k + k) above x and the weights, for one
more forward pass; every result has the same bits as without.

A loss on the last state needs `dh_n` alone. For a loss on every step, `dy` is a function that is given the outputs of
one segment after the other and returns the gradients there; `on_y` sees the outputs as they are first computed, and
`on_dx` takes the gradients of the input, so that nothing of T steps need exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from rnnfast import checks
from rnnfast.backends import Plan
from rnnfast.cell_options import CellArguments, CellOptions
from rnnfast.functional import planned
from rnnfast.problem import check_size
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

OnSegment = Callable[[slice, Array], object]
"""Called with the time steps of a segment and an array of its values, (steps, B, ...)."""


def checkpointed_forward(
    x: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b: ArrayLike,
    *,
    checkpoint_every: int,
    h0: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    input_mask: ArrayLike | None = None,
    on_y: OnSegment | None = None,
    **options: Any,
) -> tuple[Array, Array]:
    """As `rnnfast.rnn_forward`, keeping the first state of every segment in place of all outputs.

    Args:
        x, w_ih, w_hh, b, h0, lengths, mask: as for `rnn_forward`; x (T, B, I) in any order of memory, which is copied
            by segments where the kernels need another: the view of a batch-major array is not copied as a whole.
        checkpoint_every: steps in a segment, at least 1; rounded up to whole windows of the kernel, which sums are
            added up by. About the square root of T needs the least memory.
        input_mask: (B, I), multiplies x at every step: Keras's dropout.
        on_y: called with the time steps and the outputs (steps, B, H) of each segment, in the order of processing.
        options: what else `rnn_forward` takes, but for `out`.

    Returns:
        states, (segments, B, H): the state before each segment, for `checkpointed_backward`; and h_n, (B, H).

    Raises:
        As `rnn_forward`; ValueError or TypeError: checkpoint_every.
    """
    check_size("checkpoint_every", checkpoint_every)
    plan, cell = _planned(x, w_hh, options)
    given = _arrays(plan, x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, input_mask=input_mask)
    segments = list(_segments(plan, checkpoint_every))
    states = np.zeros((len(segments), *_state_shape(plan)), plan.problem.arithmetic)
    state = states[0] if given["h0"] is None else given["h0"]
    for kept, times in zip(states, segments, strict=True):
        kept[...] = state
        y, state = plan.forward_steps(
            _inputs(given, times),
            given["w_ih"],
            given["w_hh"],
            given["b"],
            h0=state,
            cell=cell and cell.of_steps(times),
            **_valid(given, times),
        )
        if on_y is not None:
            on_y(times, y)
    return states, state


def checkpointed_backward(
    dy: ArrayLike | Callable[[slice, Array], Array | None] | None,
    x: ArrayLike,
    states: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b: ArrayLike,
    *,
    checkpoint_every: int,
    dh_n: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    input_mask: ArrayLike | None = None,
    on_dx: OnSegment | None = None,
    **options: Any,
) -> Gradients:
    """As `rnnfast.rnn_backward`, from what `checkpointed_forward` kept.

    Args:
        dy: gradient of the loss with respect to y, (T, B, H), or None for zero; or a function that is given the time
            steps and the outputs (steps, B, H) of a segment, from the last segment to the first, and returns the
            gradient there, or None.
        x, w_ih, w_hh, b, checkpoint_every, lengths, mask, input_mask: as they went into `checkpointed_forward`.
        states: what came out of it, (segments, B, H).
        dh_n: gradient with respect to h_n, (B, H); None means zero.
        on_dx: called with the time steps and the gradient of x (steps, B, I) of each segment, which is then not kept:
            `dx` of the result has no steps.
        options: those of `checkpointed_forward`, and bptt_steps.

    Returns:
        Gradients, to the bit those of `rnn_backward`.

    Raises:
        As `rnn_backward`; ValueError: states of another shape.
    """
    check_size("checkpoint_every", checkpoint_every)
    plan, cell = _planned(x, w_hh, options)
    problem = plan.problem
    given = _arrays(plan, x, w_ih, w_hh, b, h0=None, lengths=lengths, mask=mask, input_mask=input_mask)
    segments = list(_segments(plan, checkpoint_every))
    kept = checks.array_of("states", states, (len(segments), *_state_shape(plan)), problem.arithmetic)
    gradients = dy if callable(dy) else checks.optional(problem, "dy", dy)
    carry = checks.optional(problem, "dh_n", dh_n)
    weights = given["w_ih"], given["w_hh"]
    dw_ih, dw_hh, db, db_lost = (np.zeros_like(w) for w in (*weights, given["b"], given["b"]))
    dgain = None if cell is None or cell.gain is None else np.zeros_like(cell.gain)
    sums = dw_ih, dw_hh, db, db_lost, *(() if dgain is None else (dgain, np.zeros_like(dgain)))
    dx = np.empty((0 if on_dx else problem.seq_len, problem.batch, problem.input_size), given["x"].dtype)
    for state, times, position in zip(kept[::-1], segments[::-1], _positions(plan, given, segments)[::-1], strict=True):
        there = {**_valid(given, times), "cell": cell and cell.of_steps(times)}
        x_there = _inputs(given, times)
        y, _ = plan.forward_steps(x_there, *weights, given["b"], h0=state, **there)
        if callable(gradients):
            dy_there = gradients(times, y)
            dy_there = None if dy_there is None else checks.array_of("dy", dy_there, y.shape, problem.dtype)
        else:
            dy_there = None if gradients is None else gradients[times]
        before = _as_stored(state, position, y)
        dx_there, carry = plan.backward_steps(
            dy_there, x_there, y, *weights, h0=before, dh_n=carry, position=position, sums=sums, **there
        )
        dx_there = _masked(dx_there, given["input_mask"])
        if on_dx is None:
            dx[times] = dx_there
        else:
            on_dx(times, dx_there)
    assert carry is not None, "there is at least one segment"
    return Gradients(dx, dw_ih, dw_hh, db, carry, dgain)


def _planned(x: ArrayLike, w_hh: ArrayLike, options: dict[str, Any]) -> tuple[Plan, CellOptions | None]:
    """The plan for all steps, and the options of the cell among the arguments."""
    rest = dict(options)
    cell: Any = {name: rest.pop(name) for name in CellArguments.__annotations__ if name in options}
    plan = planned(x, w_hh, cell=cell, **rest)
    return plan, checks.cell_options(plan.problem, **cell)


def _arrays(plan: Plan, x: ArrayLike, *weights: ArrayLike, input_mask: ArrayLike | None, **rest: Any) -> dict[str, Any]:
    """The arrays by name, checked; x as it lies in memory."""
    given = checks.forward_arrays(plan.problem, x, *weights, **rest, out=None, contiguous_x=False)
    return {**given, "input_mask": checks.optional(plan.problem, "input_mask", input_mask)}


def _inputs(given: dict[str, Any], times: slice) -> Array:
    """The inputs of a segment, (steps, B, I), as the kernels read them."""
    return _masked(np.require(given["x"][times], requirements=["C", "A"]), given["input_mask"])


def _masked(steps: Array, mask: Array | None) -> Array:
    return steps if mask is None else (steps * mask).astype(steps.dtype, copy=False)


def _as_stored(state: Array, position: Array, y: Array) -> Array:
    """The state before a segment as the outputs hold it: rounded to their dtype, but for an initial one."""
    if y.dtype == state.dtype:
        return state
    with np.errstate(over="ignore"):
        return np.where(position[:, None] > 0, state.astype(y.dtype).astype(state.dtype), state)


def _state_shape(plan: Plan) -> tuple[int, int]:
    return plan.problem.batch, plan.problem.hidden_size


def _segments(plan: Plan, checkpoint_every: int) -> Iterator[slice]:
    """The time steps of each segment, in the order of processing; the last step ends a whole one."""
    window, seq_len = plan.window_steps, plan.problem.seq_len
    size = -(-checkpoint_every // window) * window
    begin = 0
    for end in range((seq_len - 1) % size + 1, seq_len + 1, size):
        yield slice(seq_len - end, seq_len - begin) if plan.problem.reverse else slice(begin, end)
        begin = end


def _valid(given: dict[str, Any], times: slice) -> dict[str, Any]:
    """`lengths` and `mask` of a segment."""
    lengths, mask = given["lengths"], given["mask"]
    return {
        "lengths": None if lengths is None else np.clip(lengths - times.start, 0, times.stop - times.start),
        "mask": None if mask is None else mask[times],
    }


def _positions(plan: Plan, given: dict[str, Any], segments: list[slice]) -> list[Array]:
    """The valid steps of each sequence before each segment, (B,)."""
    position, found = np.zeros(plan.problem.batch, np.int64), []
    for times in segments:
        found.append(position)
        valid = _valid(given, times)
        if valid["mask"] is not None:
            counts = valid["mask"].sum(axis=0)
        else:
            counts = times.stop - times.start if valid["lengths"] is None else valid["lengths"]
        position = position + counts
    return found
