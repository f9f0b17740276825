"""Operations and bytes by phase, against the equations written out."""

from __future__ import annotations

import pytest

from rnnfast.bench.cases import Case
from rnnfast.problem import Problem
from rnnfast.profiler.native import PHASES
from rnnfast.profiler.work import fused, work

T, B, H = 7, 3, 4
INPUTS = 5
VARIANTS = ("panel", "lanes", "stationary", "tiles")


def problem(**options: object) -> Problem:
    return Problem(seq_len=T, batch=B, input_size=INPUTS, hidden_size=H, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_phases_have_all_operations(variant: str) -> None:
    case = Case(B, T, INPUTS, H)
    for direction, flops in (("forward", case.forward_flops), ("backward", 2 * case.forward_flops)):
        phases = work(problem(), variant, direction)
        assert sum(phase.flops or 0 for phase in phases.values()) == flops
        assert set(phases) <= set(PHASES)


def test_operations_one_by_one() -> None:
    forward, backward = (work(problem(), "panel", direction) for direction in ("forward", "backward"))
    products = dict.fromkeys(("W_ih x", "W_hh h", "da W_hh", "da W_ih", "dW"), 0)
    for _ in range(T * B):
        for _ in range(H):
            products["W_ih x"] += 2 * INPUTS
            products["W_hh h"] += 2 * H
            products["da W_hh"] += 2 * H
            products["da W_ih"] += 2 * INPUTS
            products["dW"] += 2 * (INPUTS + H)
    assert forward["input projection"].flops == products["W_ih x"]
    assert forward["recurrence"].flops == products["W_hh h"]
    assert backward["backward recurrence"].flops == products["da W_hh"]
    assert backward["input gradient"].flops == products["da W_ih"]
    assert backward["weight gradients"].flops == products["dW"]
    assert forward["activation"].flops is None


def test_bytes() -> None:
    forward = work(problem(), "panel", "forward")
    assert forward["input projection"].bytes == 4 * (H * INPUTS + T * B * INPUTS + T * B * H)
    # the weights at every step; the pre-activation read, the last state read, the state written
    assert forward["recurrence"].bytes == 4 * (T * H * H + 3 * T * B * H)
    assert forward["packing"].bytes == 2 * 4 * (H * INPUTS + H * H)
    doubled = work(problem(dtype="float64"), "panel", "forward")
    assert all(doubled[name].bytes == 2 * forward[name].bytes for name in forward)


def test_lanes_has_no_input_projection_of_its_own() -> None:
    apart, together = (work(problem(), variant, "forward") for variant in ("panel", "lanes"))
    assert "input projection" not in together
    assert together["recurrence"].flops == apart["recurrence"].flops + apart["input projection"].flops
    # inputs and last states in, states out, all weights at every step
    assert together["recurrence"].bytes == 4 * (T * (H * H + H * INPUTS) + T * B * (INPUTS + 2 * H))
    assert fused("lanes", "forward") == [
        "input projection: part of the recurrence, one product a step over [x_t; h_(t-1)]"
    ]
    assert fused("panel", "forward") == []
    assert fused("panel", "backward") == ["packing of rows for the weight gradients: part of them"]


def test_blocks_of_the_recurrent_weights() -> None:
    dense, blocks = (work(problem(heads=heads), "panel", "forward")["recurrence"] for heads in (1, 2))
    assert blocks.flops == dense.flops / 2
