"""One problem through every variant of the backend `cupy`: time by phase on the GPU, rates against what it can do.

A pass is called again and again, and nothing waits for the GPU in between; its time is that between the CUDA events
around it. Of the calls the fastest quarter is averaged, as on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rnnfast.backends import gpu_phases
from rnnfast.backends.cupy import CupyPlan
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_limits import step_flops
from rnnfast.backends.gpu_phases import GpuEvent, PhaseRecorder
from rnnfast.bench.cases import Case
from rnnfast.problem import Problem
from rnnfast.profiler.bounds import Peaks, bound
from rnnfast.profiler.native import OVERHEAD, PhaseEvent
from rnnfast.profiler.passes import LEAST_CALLS, MOST_CALLS, PassProfile, PhaseRow, plan_for
from rnnfast.profiler.work import Work, work

WARM_UP = 3
"""Calls: the first compiles, the second captures a graph, the third launches it."""

RECURRENCES = {"forward": "recurrence", "backward": "backward recurrence"}


class Call(NamedTuple):
    """One pass, the event around all others, and the phases within it."""

    whole: GpuEvent
    phases: list[GpuEvent]

    @property
    def nanoseconds(self) -> int:
        """Of the pass."""
        return self.whole.end - self.whole.begin

    def own(self, name: str) -> int:
        """Nanoseconds of a phase."""
        return sum(event.own for event in self.phases if event.name == name)


def current_device() -> Device:
    """CuPy's."""
    import cupy

    return Device.from_cupy(cupy, cupy.cuda.Device().id)


def peaks(device: Device, dtype: str) -> Peaks:
    """Of the whole device, as it states them: multiplications and additions outside tensor cores, and its memory."""
    flops = device.flops(dtype) * device.multiprocessors * device.gigahertz
    return Peaks(flops, {"DRAM": device.gigabytes_a_second})


def profile_passes(
    problem: Problem, variant: str, directions: tuple[str, ...], *, peaks: Peaks, seconds: float = 1.0
) -> Iterator[PassProfile]:
    """Each pass for about that long. ValueError or RuntimeError: the variant does not take the problem here."""
    import cupy

    plan = plan_for(problem, variant, "cupy")
    assert isinstance(plan, CupyPlan)
    case = Case(problem.batch, problem.seq_len, problem.input_size, problem.hidden_size)
    arrays = (cupy.asarray(array) for array in case.arrays().values())
    x, w_ih, w_hh, b, dy = (array.astype(problem.dtype, copy=False) for array in arrays)
    y, _ = plan.forward(x, w_ih, w_hh, b)
    passes: dict[str, Callable[[], Any]] = {
        "forward": lambda: plan.forward(x, w_ih, w_hh, b),
        "backward": lambda: plan.backward(dy, x, y, w_ih, w_hh),
    }
    for direction in directions:
        yield summarise(problem, plan, direction, measure(passes[direction], seconds), peaks)


def measure(call: Callable[[], Any], seconds: float) -> list[Call]:
    """As many calls as take about that long."""
    for _ in range(WARM_UP):
        call()
    (alone,) = recorded(call, 1)
    return recorded(call, min(max(int(seconds * 1e9 / max(alone.nanoseconds, 1)), LEAST_CALLS), MOST_CALLS))


def recorded(call: Callable[[], Any], count: int) -> list[Call]:
    """So many calls between events."""
    recorder = PhaseRecorder()
    gpu_phases.start(recorder)
    try:
        for _ in range(count):
            call()
    finally:
        gpu_phases.stop()
        recorder.finish()
    calls: list[Call] = []
    phases: list[GpuEvent] = []
    for event in recorder.events:  # in the order of their ends
        if event.name in RECURRENCES:
            calls.append(Call(event, phases))
            phases = []
        else:
            phases.append(event)
    return calls


def summarise(problem: Problem, plan: CupyPlan, direction: str, calls: list[Call], peaks: Peaks) -> PassProfile:
    """The fastest quarter of the calls, phase by phase."""
    ordered = sorted(calls, key=lambda one: one.nanoseconds)
    fast, shown = ordered[: max(1, len(ordered) // 4)], ordered[len(ordered) // 8]
    known = {name: part._replace(resident=math.inf) for name, part in work(problem, plan.variant, direction).items()}
    steps = problem.seq_len
    known[RECURRENCES[direction]] = Work(
        steps * step_flops(problem), steps * plan.step_bytes(direction), resident=math.inf
    )
    rows = []
    for name in dict.fromkeys(event.name for event in shown.phases):
        spent = float(np.mean([one.own(name) for one in fast]))
        todo = known.get(name)
        flops, moved = (None if amount is None or not spent else amount / spent for amount in _amounts(todo))
        rows.append(PhaseRow(name, spent / 1e9, [spent / 1e9], flops, moved, bound(name, todo, spent, peaks)))
    rest = float(np.mean([one.whole.own for one in fast]))
    rows.append(PhaseRow(OVERHEAD, rest / 1e9, [rest / 1e9], None, None, bound(OVERHEAD, None, rest, peaks)))
    events = [PhaseEvent(one.stream, one.name, one.begin, one.end, one.own) for one in (shown.whole, *shown.phases)]
    wall = float(np.mean([one.nanoseconds for one in fast])) / 1e9
    return PassProfile(
        plan.variant,
        direction,
        wall,
        len(fast),
        rows,
        [(wall - rest / 1e9, 0.0)],
        1,
        plan.explain(),
        [f"activation: part of the {RECURRENCES[direction]}"],
        events=events,
        begin=shown.whole.begin,
        caller=shown.whole.stream,
        occupancy=plan.occupancy(direction),
    )


def _amounts(todo: Work | None) -> tuple[float | None, float | None]:
    return (None, None) if todo is None else (todo.flops, todo.bytes)
