"""One problem through every variant that takes it: time by phase, rates against the peaks, threads, hardware counters.

A pass is called again and again with the timers on; of its calls the fastest quarter is averaged, which other processes
disturbed least, so that the phases of the calling thread, with what is outside them as call overhead, add up to the
wall time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

import rnnfast
from rnnfast import _cpu
from rnnfast.backends import Plan
from rnnfast.backends.gpu_limits import Occupancy
from rnnfast.bench.cases import Case
from rnnfast.problem import Problem
from rnnfast.profiler import counters, native
from rnnfast.profiler.bounds import Bound, Peaks, bound
from rnnfast.profiler.native import CALL, OVERHEAD, PHASES, WAITING, Counted, PhaseEvent
from rnnfast.profiler.work import fused, work

DIRECTIONS = ("forward", "backward")
LEAST_CALLS, MOST_CALLS = 5, 2000


class PhaseRow(NamedTuple):
    """One phase of a pass, a call's mean.

    Attributes:
        name: of the phase, or "call overhead".
        seconds: of the calling thread, without phases within it.
        busy: seconds of each thread.
        gflop_per_s: of one thread at work in the phase; None where no products are counted.
        gb_per_s: the same of what must be read and written.
        bound: how that stands to the peaks of one thread.
    """

    name: str
    seconds: float
    busy: list[float]
    gflop_per_s: float | None
    gb_per_s: float | None
    bound: Bound


@dataclass
class PassProfile:
    """One pass of one variant.

    Attributes:
        wall: seconds of a call, seen from Python.
        calls: that were averaged.
        rows: their seconds add up to the wall time.
        threads: seconds at work and waiting of each thread that took part, the calling one first.
        team: threads that the plan is for.
        explanation: the plan's.
        fused: what has no row of its own, in words.
        counters: of a call, hardware events by name; None where the system has none.
        events: of one call.
        begin: of that call, as the events count time.
        caller: the thread that called, as the events number them.
        dropped: events that were lost.
        occupancy: of the kernel of the recurrence, on a GPU; there the one thread is the GPU as a whole.
    """

    variant: str
    direction: str
    wall: float
    calls: int
    rows: list[PhaseRow]
    threads: list[tuple[float, float]]
    team: int
    explanation: str
    fused: list[str]
    counters: dict[str, float] | None = None
    events: list[PhaseEvent] = field(default_factory=list)
    begin: int = 0
    caller: int = 0
    dropped: int = 0
    occupancy: Occupancy | None = None

    @property
    def overhead(self) -> float:
        """Seconds of the wall time that are in no phase of the work."""
        return next(row.seconds for row in self.rows if row.name == OVERHEAD)

    @property
    def balance(self) -> float:
        """The mean of what the threads of the team worked over the most that one did; 1: all the same."""
        work = [work for work, _ in self.threads]
        return sum(work) / self.team / max(work)


class Call(NamedTuple):
    """One call: nanoseconds from `begin`, and what the threads spent."""

    begin: int
    wall: int
    counted: Counted


def variants_for(problem: Problem, backend: str = "cpu") -> dict[str, str | None]:
    """The kernels of a backend, and why one does not take a problem here; None: it does."""
    return {variant.name: _why_not(problem, variant.name, backend) for variant in rnnfast.variants(backend)}


def _why_not(problem: Problem, variant: str, backend: str) -> str | None:
    try:
        plan_for(problem, variant, backend)
    except (ValueError, RuntimeError) as error:
        return str(error)
    return None


def profile_passes(
    problem: Problem,
    variant: str,
    directions: tuple[str, ...],
    *,
    peaks: Peaks,
    seconds: float = 1.0,
) -> Iterator[PassProfile]:
    """Each pass for about that long. ValueError or RuntimeError: the variant does not take the problem here."""
    plan = plan_for(problem, variant)
    case = Case(problem.batch, problem.seq_len, problem.input_size, problem.hidden_size)
    x, w_ih, w_hh, b, dy = (array.astype(problem.dtype) for array in case.arrays().values())
    y, _ = plan.forward(x, w_ih, w_hh, b)
    passes: dict[str, Callable[[], Any]] = {
        "forward": lambda: plan.forward(x, w_ih, w_hh, b),
        "backward": lambda: plan.backward(dy, x, y, w_ih, w_hh),
    }
    for direction in directions:
        found = summarise(problem, plan, direction, measure(passes[direction], seconds), peaks)
        found.counters = counters.count(passes[direction])
        yield found


def measure(call: Callable[[], Any], seconds: float) -> tuple[list[Call], list[PhaseEvent], Call]:
    """Calls it for that long with the timers on: all calls, and the events of one of the fast ones."""
    call()
    calls: list[Call] = []
    events: list[list[PhaseEvent]] = []
    _cpu.set_profiling(True)
    try:
        call()
        native.take_events()
        until = time.perf_counter() + seconds
        while len(calls) < LEAST_CALLS or (time.perf_counter() < until and len(calls) < MOST_CALLS):
            before = native.totals()
            begin = time.perf_counter_ns()
            call()
            wall = time.perf_counter_ns() - begin
            calls.append(Call(begin, wall, native.totals().since(before)))
            events.append(native.take_events())
    finally:
        _cpu.set_profiling(False)
    shown = int(np.argsort([one.wall for one in calls])[len(calls) // 8])
    return calls, events[shown], calls[shown]


def summarise(
    problem: Problem,
    plan: Plan,
    direction: str,
    measured: tuple[list[Call], list[PhaseEvent], Call],
    peaks: Peaks,
) -> PassProfile:
    """The fastest quarter of the calls, phase by phase."""
    calls, events, shown = measured
    order = np.argsort([one.wall for one in calls])
    fast = [calls[i] for i in order[: max(1, len(order) // 4)]]
    wall = float(np.mean([one.wall for one in fast]))
    counted = native.mean_of([one.counted for one in fast])
    caller = _cpu.profiler_thread()
    took_part = [caller] + [n for n in range(len(counted.counts)) if n != caller and counted.nanoseconds[n].any()]
    spent = counted.nanoseconds[took_part]
    known, variant = work(problem, plan.variant, direction), plan.variant
    rows = []
    for phase, name in enumerate(PHASES):
        if phase == CALL or not counted.counts[took_part, phase].any():
            continue
        busy, todo = float(spent[:, phase].sum()), known.get(name)
        flops = None if todo is None or todo.flops is None or not busy else todo.flops / busy
        moved = None if todo is None or not busy else todo.bytes / busy
        held = bound(name, todo, busy, peaks)
        each = (spent[:, phase] / 1e9).tolist()
        rows.append(PhaseRow(name, each[0], each, flops, moved, held))
    phases = sum(row.seconds for row in rows)
    rest = [wall / 1e9 - phases, *(spent[1:, CALL] / 1e9).tolist()]
    rows.append(PhaseRow(OVERHEAD, rest[0], rest, None, None, bound(OVERHEAD, None, rest[0], peaks)))
    working = [phase for phase in range(len(PHASES)) if phase not in (CALL, WAITING)]
    threads = [(float(one[working].sum()) / 1e9, float(one[WAITING]) / 1e9) for one in spent]
    team = _cpu.threads_for(problem.seq_len, problem.batch, problem.input_size, problem.hidden_size, problem.heads)
    return PassProfile(
        variant,
        direction,
        wall / 1e9,
        len(fast),
        rows,
        threads,
        team,
        plan.explain(),
        fused(variant, direction),
        events=events,
        begin=shown.begin,
        caller=caller,
        dropped=int(counted.dropped.sum()),
    )


def plan_for(problem: Problem, variant: str, backend: str = "cpu") -> Plan:
    """A plan of the backend. ValueError or RuntimeError: the variant does not take the problem here."""
    return rnnfast.plan(
        seq_len=problem.seq_len,
        batch=problem.batch,
        input_size=problem.input_size,
        hidden_size=problem.hidden_size,
        dtype=problem.dtype,
        activation=problem.activation,
        precision=problem.precision,
        backend=backend,
        variant=variant,
    )
