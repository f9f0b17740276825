"""The timers inside the kernels: what they count, and that it adds up."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnfast import _cpu
from rnnfast.profiler import native
from rnnfast.profiler.native import PHASES, Counted

Passes = Callable[..., dict[str, Callable[[], Any]]]

ENTERED = {
    "panel": {
        "forward": {"packing", "input projection", "recurrence", "activation"},
        "backward": {"packing", "backward recurrence", "activation", "weight gradients", "input gradient"},
    },
    "lanes": {
        "forward": {"packing", "recurrence", "activation"},
        "backward": {"packing", "backward recurrence", "activation", "weight gradients", "input gradient"},
    },
}
ENTERED["stationary"] = ENTERED["panel"]


def spent(call: Callable[[], Any], calls: int = 1) -> Counted:
    before = native.totals()
    for _ in range(calls):
        call()
    return native.totals().since(before)


def entered(counted: Counted) -> set[str]:
    return {name for phase, name in enumerate(PHASES) if counted.counts[:, phase].any()}


def test_off_nothing_is_counted(passes_of: Passes) -> None:
    for call in passes_of(8, 20, 16, 16).values():
        counted = spent(call)
        assert not counted.counts.any()
        assert not counted.nanoseconds.any()
    assert native.take_events() == []


@pytest.mark.parametrize("variant", ENTERED)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.usefixtures("timers")
def test_each_variant_enters_its_phases(passes_of: Passes, variant: str, direction: str) -> None:
    counted = spent(passes_of(32, 40, 24, 32, variant=variant)[direction], 20)  # activations are sampled
    assert entered(counted) - {"call", "waiting"} == ENTERED[variant][direction]
    assert counted.counts[_cpu.profiler_thread(), native.CALL] == 20


@pytest.mark.usefixtures("timers", "one_thread")
def test_how_often(passes_of: Passes) -> None:
    """64 x 128 elements a step are timed one by one; a chunk of the way back ends with the sums over its steps."""
    passes = passes_of(64, 30, 8, 128)
    counts = spent(passes["forward"]).counts[_cpu.profiler_thread()]
    assert counts[PHASES.index("activation")] == 30
    assert counts[PHASES.index("recurrence")] == counts[PHASES.index("packing")] == 1
    counts = spent(passes["backward"]).counts[_cpu.profiler_thread()]
    chunks = counts[PHASES.index("backward recurrence")]
    assert chunks > 1
    assert counts[PHASES.index("weight gradients")] == counts[PHASES.index("input gradient")] == chunks


@pytest.mark.usefixtures("timers", "one_thread")
def test_short_activations_are_sampled(passes_of: Passes) -> None:
    call = passes_of(4, 17, 5, 5)["forward"]
    call()
    counts = spent(call, 50).counts[_cpu.profiler_thread()]
    assert counts[PHASES.index("activation")] == pytest.approx(50 * 17, abs=17)


@pytest.mark.usefixtures("timers")
def test_phases_add_up(passes_of: Passes) -> None:
    """All that a thread spends in a call is in exactly one phase."""
    rate = _cpu.profiler_nanoseconds_per_tick()
    for call in passes_of(32, 50, 40, 60).values():
        ticks = _cpu.profiler_ticks()
        counted = spent(call, 5)
        inside = (_cpu.profiler_ticks() - ticks) * rate
        mine = counted.nanoseconds[_cpu.profiler_thread()]
        assert mine.min() >= 0
        assert mine.sum() == pytest.approx(inside, rel=1e-3)


@pytest.mark.usefixtures("timers", "one_thread")
def test_little_is_outside_the_phases(passes_of: Passes) -> None:
    for call in passes_of(32, 60, 128, 128).values():
        call()
        shares = []
        for _ in range(9):
            begin = time.perf_counter_ns()
            counted = spent(call)
            wall = time.perf_counter_ns() - begin
            mine = counted.nanoseconds[_cpu.profiler_thread()]
            assert mine.sum() <= wall * 1.001
            shares.append(1 - (mine.sum() - mine[native.CALL]) / wall)
        assert np.median(shares) < 0.2  # with the reading of the counters


@pytest.mark.usefixtures("timers")
def test_events_lie_within_the_call(passes_of: Passes) -> None:
    for call in passes_of(32, 50, 40, 60).values():
        native.take_events()
        begin = time.perf_counter_ns()
        counted = spent(call)
        end = time.perf_counter_ns()
        events = native.take_events()
        mine = [event for event in events if event.thread == _cpu.profiler_thread()]
        slack = 50_000  # between the two clocks
        for event in mine:
            assert begin - slack <= event.begin <= event.end <= end + slack
            assert 0 <= event.own <= event.end - event.begin + 1
        for one, other in itertools.pairwise(mine):
            assert one.end <= other.end  # in the order in which they ended
            assert other.begin >= one.end or other.begin <= one.begin  # apart, or around it
        outer = max(mine, key=lambda event: event.end - event.begin)
        assert outer.phase == "call"
        of_events = sum(event.own for event in mine)
        assert of_events <= counted.nanoseconds[_cpu.profiler_thread()].sum() * 1.001


@pytest.mark.parametrize("variant", ENTERED)
def test_results_are_the_same_to_the_bit(passes_of: Passes, variant: str) -> None:
    for call in passes_of(16, 30, 20, 24, variant=variant).values():
        off = call()
        _cpu.set_profiling(True)
        on = call()
        _cpu.set_profiling(False)
        for one, other in zip(off, on, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("timers", "one_thread")
def test_what_finds_no_room_is_counted(passes_of: Passes) -> None:
    call = passes_of(1, 1, 1, 1)["forward"]
    native.take_events()
    counted = spent(call, 12_000)
    thread = _cpu.profiler_thread()
    events = [event for event in native.take_events() if event.thread == thread]
    written = counted.counts[thread].sum() - counted.counts[thread, PHASES.index("activation")]
    assert counted.counts[thread, native.CALL] == 12_000
    assert counted.dropped[thread] == written - len(events) > 0
    assert len(events) == 1 << 15
    spent(call)  # there is room again
    assert any(event.phase == "call" for event in native.take_events())


@pytest.mark.usefixtures("timers")
def test_calls_from_several_threads(passes_of: Passes) -> None:
    calls = [passes_of(16, 20, 10, hidden)["forward"] for hidden in (8, 16, 24)]
    before = native.totals()
    together = threading.Barrier(3)  # all have begun, and none has ended

    def work(call: Callable[[], Any]) -> None:
        together.wait()
        for _ in range(40):
            call()
        together.wait()

    workers = [threading.Thread(target=work, args=(call,)) for call in calls]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    counted = native.totals().since(before)
    assert counted.counts[:, native.CALL].sum() == 120
    assert sorted(counted.counts[:, native.CALL])[-3:] == [40, 40, 40]
    assert counted.nanoseconds.min() >= 0


@pytest.mark.usefixtures("timers", "one_thread")
def test_copies_of_valid_steps_are_packing(passes_of: Passes) -> None:
    lengths = np.arange(8, dtype=np.int64) + 3
    for call in passes_of(8, 20, 16, 16, lengths=lengths).values():
        counts = spent(call).counts[_cpu.profiler_thread()]
        assert counts[PHASES.index("packing")] > 2


def test_reading_disturbs_nobody(passes_of: Passes) -> None:
    """Switched on and off, and read, while another thread is at work."""
    call, done = passes_of(8, 10, 8, 8)["forward"], threading.Event()

    def work() -> None:
        while not done.is_set():
            call()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        last = native.totals()
        for turn in range(200):
            _cpu.set_profiling(turn % 2 == 0)
            native.take_events()
            now = native.totals()
            assert min(table.min() for table in now.since(last)) >= 0
            last = now
    finally:
        done.set()
        worker.join()
        _cpu.set_profiling(False)
        native.take_events()
