"""One problem through the kernels: the accounting of its calls."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest

import rnnfast
from rnnfast import _cpu
from rnnfast.problem import Problem
from rnnfast.profiler import native, passes
from rnnfast.profiler.bounds import Peaks
from rnnfast.profiler.native import PHASES, Counted
from rnnfast.profiler.passes import Call
from rnnfast.profiler.work import work

PEAKS = Peaks(100.0, {"16 KB": 100.0, "256 KB": 100.0, "8 MB": 50.0, "128 MB": 10.0})
PROBLEM = Problem(seq_len=40, batch=16, input_size=20, hidden_size=24)


def test_the_variants_that_take_a_problem() -> None:
    reasons = passes.variants_for(PROBLEM)
    assert list(reasons) == [variant.name for variant in rnnfast.variants("cpu")]
    assert [reasons[name] for name in ("panel", "lanes", "stationary")] == [None] * 3
    assert "hidden_size up to 64" in str(passes.variants_for(Problem(**{**vars(PROBLEM), "hidden_size": 65}))["lanes"])


@pytest.mark.parametrize("variant", ["panel", "lanes", "stationary"])
def test_phases_and_overhead_are_the_wall_time(variant: str) -> None:
    found = list(passes.profile_passes(PROBLEM, variant, passes.DIRECTIONS, peaks=PEAKS, seconds=0.02))
    assert [one.direction for one in found] == ["forward", "backward"]
    for one in found:
        assert one.variant == variant
        assert sum(row.seconds for row in one.rows) == pytest.approx(one.wall, rel=1e-9)
        names = [row.name for row in one.rows]
        assert names[-1] == native.OVERHEAD
        assert set(names) - {"waiting", native.OVERHEAD} <= set(work(PROBLEM, variant, one.direction))
        assert 0 < one.overhead < one.wall
        assert 0 < one.balance <= 1
        assert len(one.threads) >= 1
        assert {event.phase for event in one.events} >= {"call", "packing"}
        assert all(event.begin >= one.begin - 50_000 for event in one.events)
    assert not _cpu.profiler_events().size


@pytest.mark.usefixtures("one_thread")
def test_the_overhead_of_a_large_problem_is_small() -> None:
    problem = Problem(seq_len=60, batch=32, input_size=128, hidden_size=128)
    for one in passes.profile_passes(problem, "panel", passes.DIRECTIONS, peaks=PEAKS, seconds=0.15):
        assert one.overhead < 0.05 * one.wall
        assert one.balance == 1


def counted(rows: list[list[float]]) -> Counted:
    nanoseconds = np.zeros((len(rows), len(PHASES)))
    for row, values in zip(nanoseconds, rows, strict=True):
        row[[native.CALL, 1, 2, 3, native.WAITING]] = values
    return Counted(nanoseconds, (nanoseconds > 0).astype(int), np.zeros(len(rows), int))


def test_the_fastest_quarter_is_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cpu, "profiler_thread", lambda: 1)
    plan = passes.plan_for(PROBLEM, "panel")
    work_rows = [
        [[0.0, 0.0, 0.0, 0.0, 0.0], [900.0, 1.0, 1.0, 1.0, 1.0]],
        [[0.0, 0.0, 30.0, 10.0, 20.0], [10.0, 5.0, 20.0, 30.0, 0.0]],
        [[0.0, 0.0, 50.0, 10.0, 0.0], [30.0, 15.0, 40.0, 50.0, 0.0]],
        *[[[0.0, 0.0, 0.0, 0.0, 0.0], [900.0, 1.0, 1.0, 1.0, 1.0]]] * 5,
    ]
    walls = [5000, 100, 200, 1000, 300, 210, 900, 4000]
    calls = [Call(0, wall, counted(rows)) for wall, rows in zip(walls, work_rows, strict=True)]
    found = passes.summarise(PROBLEM, plan, "forward", (calls, [], calls[1]), PEAKS)
    assert found.calls == 2
    assert found.wall == pytest.approx(150e-9)
    rows = {row.name: row for row in found.rows}
    assert rows["packing"].seconds == pytest.approx(10e-9)
    assert rows["input projection"].busy == pytest.approx([30e-9, 40e-9])  # the caller first
    assert rows["waiting"].seconds == 0
    assert rows["waiting"].busy == pytest.approx([0, 10e-9])
    assert rows[native.OVERHEAD].seconds == pytest.approx(150e-9 - 80e-9)
    assert found.threads == [pytest.approx((80e-9, 0)), pytest.approx((50e-9, 10e-9))]
    projection = work(PROBLEM, "panel", "forward")["input projection"]
    assert projection.flops is not None
    assert rows["input projection"].gflop_per_s == pytest.approx(projection.flops / 70)
    assert rows["input projection"].bound.compute == pytest.approx(projection.flops / 70 / 100)


def test_threads_that_come_later() -> None:
    late = native.mean_of([counted([[0, 2, 0, 0, 0]]), counted([[0, 4, 0, 0, 0], [0, 0, 8, 0, 0]])])
    assert late.nanoseconds[:, 1].tolist() == [3, 0]
    assert late.nanoseconds[:, 2].tolist() == [0, 4]


def test_the_timers_are_off_again() -> None:
    def broken() -> None:
        raise ArithmeticError

    for call in (broken, lambda: time.sleep(0)):
        with contextlib.suppress(ArithmeticError):
            passes.measure(call, 0.001)
        before = native.totals()
        passes.plan_for(PROBLEM, "panel").forward(*_arrays())
        assert not native.totals().since(before).counts.any()


def _arrays() -> tuple[np.ndarray, ...]:
    t, b, i, h = PROBLEM.seq_len, PROBLEM.batch, PROBLEM.input_size, PROBLEM.hidden_size
    return tuple(np.zeros(shape, "f4") for shape in ((t, b, i), (h, i), (h, h), (h,)))
