"""The variant `tiles`: when it is chosen, what it says where it cannot run, and its results where it can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnfast
from rnnfast import _cpu, reference
from rnnfast.backends.cpu import CpuPlan, why_no_tiles
from rnnfast.problem import Problem

SIZES: dict[str, Any] = {"seq_len": 4, "batch": 3, "input_size": 5, "hidden_size": 7}
TOLERANCE = {"high": 1e-4, "medium": 4e-2}  # of the largest element
HAS_TILES = "avx512_amx" in _cpu.supported_isas()
with_tiles = pytest.mark.skipif(not HAS_TILES, reason="this processor has no AMX tiles")
without_tiles = pytest.mark.skipif(HAS_TILES, reason="this processor has AMX tiles")


def test_tiles_are_listed() -> None:
    (tiles,) = (variant for variant in rnnfast.variants("cpu") if variant.name == "tiles")
    assert "bfloat16" in tiles.strategy
    assert "float32" in tiles.accepts
    assert "AMX" in tiles.accepts


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_an_instruction_set_below_has_none(precision: str) -> None:
    for isa in set(_cpu.supported_isas()) - {"avx512_amx"}:
        assert _cpu.precisions(isa) == ["highest"]
        problem = Problem(**SIZES, precision=precision)
        with pytest.raises(RuntimeError, match=rf"^variant: 'tiles' cannot run here: .*{isa} has no bf16 tiles"):
            CpuPlan(problem, "cpu", "tiles", isa)
        plan = CpuPlan(problem, "cpu", "auto", isa)
        assert f"precision {precision!r}: runs in true float32" in plan.explain()
        assert f"instruction set {isa} has no bf16 tiles" in plan.explain()


@pytest.mark.parametrize(
    ("options", "got"),
    [
        ({}, "got float32 at 'highest'"),
        ({"dtype": "float64", "precision": "high"}, "got float64 at 'high'"),
        ({"dtype": "float64"}, "got float64 at 'highest'"),
    ],
)
def test_problems_that_tiles_do_not_take(options: dict[str, str], got: str) -> None:
    with pytest.raises(ValueError, match=rf"^variant: 'tiles' takes float32 at precision .*, {got}"):
        rnnfast.plan(**SIZES, **options, variant="tiles")
    assert rnnfast.plan(**SIZES, **options).variant != "tiles"


def test_float64_stays_float64() -> None:
    text = rnnfast.plan(**SIZES, dtype="float64", precision="medium").explain()
    assert "precision 'medium': runs in true float64" in text


def test_they_are_for_float32_of_a_precision_that_the_instruction_set_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cpu, "precisions", lambda isa: ["highest", "high"])
    assert why_no_tiles(Problem(**SIZES, precision="high"), "some") is None
    assert why_no_tiles(Problem(**SIZES, precision="medium"), "some") is not None
    assert why_no_tiles(Problem(**SIZES, dtype="float64", precision="high"), "some") is not None
    assert why_no_tiles(Problem(**SIZES), "some") is not None


@without_tiles
def test_they_cannot_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNFAST_ISA", "avx512_amx")
    with pytest.raises(RuntimeError, match=r"^RNNFAST_ISA: expected one of .*, got 'avx512_amx'"):
        rnnfast.plan(**SIZES, precision="high")


@with_tiles
@pytest.mark.parametrize("precision", ["high", "medium"])
def test_auto_takes_tiles_and_a_lower_instruction_set_forbids_them(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = rnnfast.plan(**SIZES, precision=precision)
    assert plan.variant == "tiles"
    assert "summed in float32" in plan.explain()
    named = rnnfast.plan(**SIZES, precision=precision, variant="panel")
    assert "runs in true float32" in named.explain()
    monkeypatch.setenv("RNNFAST_ISA", "avx512")
    assert rnnfast.plan(**SIZES, precision=precision).variant != "tiles"


@with_tiles
@pytest.mark.parametrize("precision", ["high", "medium"])
@pytest.mark.parametrize(
    ("seq_len", "batch", "input_size", "hidden_size"),
    [(1, 1, 1, 1), (30, 1, 9, 70), (5, 17, 31, 33), (9, 32, 130, 129), (4, 70, 300, 515)],
)
def test_results(seq_len: int, batch: int, input_size: int, hidden_size: int, precision: str) -> None:
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((seq_len, batch, n), np.float32) for n in (input_size, hidden_size))
    w_ih, w_hh = (
        (rng.standard_normal((hidden_size, n)) / n**0.5).astype(np.float32) for n in (input_size, hidden_size)
    )
    b = rng.standard_normal(hidden_size, np.float32)
    y, _ = reference.rnn_forward(*(array.astype(np.float64) for array in (x, w_ih, w_hh, b)))
    grads = reference.rnn_backward(*(array.astype(np.float64) for array in (dy, x, y, w_ih, w_hh)))
    plan = rnnfast.plan(
        seq_len=seq_len, batch=batch, input_size=input_size, hidden_size=hidden_size, precision=precision
    )
    assert plan.variant == "tiles"
    ours = plan.forward(x, w_ih, w_hh, b)[0], *plan.backward(dy, x, y.astype(np.float32), w_ih, w_hh)
    for name, our, right in zip(("y", *grads._fields), ours, (y, *grads), strict=True):
        scale = 1 + np.abs(right).max()
        np.testing.assert_allclose(our, right, rtol=0, atol=TOLERANCE[precision] * scale, err_msg=name)
