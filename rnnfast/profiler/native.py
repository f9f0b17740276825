"""What the timers inside the compiled kernels have counted, by thread and phase."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnfast import _cpu
from rnnfast.typing import Array

PHASES: tuple[str, ...] = tuple(_cpu.phases)
CALL, WAITING = PHASES.index("call"), PHASES.index("waiting")
OVERHEAD = "call overhead"
"""What a call takes outside the phases of the work: checking arrays, memory, handing out the work, Python's share."""


class Totals(NamedTuple):
    """Since the process began, by thread: ticks and counts (threads, phases), and events that found no room."""

    ticks: Array
    counts: Array
    dropped: Array

    def since(self, before: Totals) -> Counted:
        """What came after `before`; a thread that was not there then had nothing."""
        ticks, counts, dropped = (_less(now, then) for now, then in zip(self, before, strict=True))
        return Counted(ticks * _cpu.profiler_nanoseconds_per_tick(), counts, dropped)


class Counted(NamedTuple):
    """What threads spent, in their phases alone: a phase within another is not counted twice.

    Attributes:
        nanoseconds: (threads, phases).
        counts: (threads, phases) int64, how often each phase was entered.
        dropped: (threads,) int64, events that found no room; the totals have them all the same.
    """

    nanoseconds: Array
    counts: Array
    dropped: Array


class PhaseEvent(NamedTuple):
    """One phase of one thread: nanoseconds of `time.perf_counter_ns`, and what of them was not in phases within it."""

    thread: int
    phase: str
    begin: int
    end: int
    own: int


def totals() -> Totals:
    """Up to now."""
    ticks, counts, dropped = _cpu.profiler_totals()
    return Totals(ticks, counts, dropped[:, 0])


def take_events() -> list[PhaseEvent]:
    """Those since the last call."""
    return [
        PhaseEvent(thread, PHASES[phase], begin, end, own)
        for thread, phase, begin, end, own in _cpu.profiler_events().tolist()
    ]


def _less(now: Array, then: Array) -> Array:
    left = now.copy()
    left[: len(then)] -= then
    return left


def mean_of(parts: list[Counted]) -> Counted:
    """Element by element; threads that come later count as idle before."""
    threads = max(len(part.nanoseconds) for part in parts)
    padded = [
        [np.pad(table, [(0, threads - len(table))] + [(0, 0)] * (table.ndim - 1)) for table in part] for part in parts
    ]
    return Counted(*(np.mean(tables, axis=0) for tables in zip(*padded, strict=True)))
