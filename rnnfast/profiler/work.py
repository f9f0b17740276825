"""What each phase of a pass has to do: operations of its products, and bytes that it reads and writes.

Counted from the sizes, as the equations have it. A phase's bytes are those of its operands and results, each once; the
recurrence reads its weights and the last state at every step. What a kernel reads twice, because it does not keep it
in registers, is not counted: so the rate of a phase is what it gets done, and not how busy it keeps the memory.
"""

from __future__ import annotations

from typing import NamedTuple

from rnnfast.problem import Problem

FUSED = {
    ("lanes", "forward"): "input projection: part of the recurrence, one product a step over [x_t; h_(t-1)]",
    ("tiles", "forward"): "packing of states for the tiles: part of the recurrence",
    ("tiles", "backward"): "packing of gradients for the tiles: part of the phase that uses them",
    ("any", "backward"): "packing of rows for the weight gradients: part of them",
}
"""What has no row of its own, by variant and pass: it is not a step of its own in the kernel."""


class Work(NamedTuple):
    """Of one phase, of all threads together.

    Attributes:
        flops: of its products; None where there are none.
        bytes: read and written.
        resident: bytes that are in use again and again, and so say which cache the phase works from.
    """

    flops: float | None
    bytes: float
    resident: float


def work(problem: Problem, variant: str, direction: str) -> dict[str, Work]:
    """By phase, for the phases that a pass of a plain cell has.

    Args:
        problem: sizes and dtype.
        variant: a kernel of the cpu backend.
        direction: "forward" or "backward".
    """
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size
    item = 8 if problem.arithmetic == "float64" else 4
    states, inputs, step = t * b * h * item, t * b * i * item, b * h * item
    w_ih, w_hh = h * i * item, h * h // problem.heads * item
    projection, recurrence = 2.0 * t * b * h * i, 2.0 * t * b * h * h / problem.heads
    packing = Work(None, 2.0 * (w_ih + w_hh), w_ih + w_hh)
    if direction == "forward":
        fused = variant == "lanes"
        weights = t * (w_hh + fused * w_ih)
        steps = Work(
            recurrence + fused * projection,
            weights + 3.0 * states + fused * (inputs - states),
            w_hh + fused * w_ih + 2 * step,
        )
        found = {
            "packing": packing,
            "recurrence": steps,
            "activation": Work(None, 2.0 * states, step),
        }
        if not fused:
            found["input projection"] = Work(projection, w_ih + inputs + states, w_ih)
        return found
    return {
        "packing": packing,
        "backward recurrence": Work(recurrence, t * w_hh + 2.0 * states, w_hh + 2 * step),
        "activation": Work(None, 4.0 * states, step),
        "weight gradients": Work(projection + recurrence, inputs + 2.0 * states + 2.0 * (w_ih + w_hh), w_ih + w_hh),
        "input gradient": Work(projection, states + inputs + w_ih, w_ih),
    }


def fused(variant: str, direction: str) -> list[str]:
    """What of a pass has no row of its own, in words."""
    return [text for (name, way), text in FUSED.items() if name in (variant, "any") and way == direction]
