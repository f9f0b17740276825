"""What a phase could reach at most on this machine, and what holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from rnnfast.bench import peaks
from rnnfast.bench.peaks import READ_SIZES
from rnnfast.profiler.native import OVERHEAD
from rnnfast.profiler.work import Work

NEAR = 0.5
"""A phase that needs at least this part of its time at a measured peak is held by it; else by waits between steps."""


class Peaks(NamedTuple):
    """Of one thread while all of them are busy, or of a whole GPU.

    Attributes:
        gflop_per_s: multiplications and additions in registers, of float32 or float64.
        gb_per_s: reads by the size of what is read over and over, as `rnnfast.bench.peaks.READ_SIZES` has them; any
            other name is of a memory of whatever size.
    """

    gflop_per_s: float
    gb_per_s: Mapping[str, float]

    def read(self, resident: float) -> tuple[str, float]:
        """The level that so many bytes are in, named by the size that was measured, and its GB/s."""
        fitting = (name for name in self.gb_per_s if resident <= READ_SIZES.get(name, math.inf))
        level = next(fitting, [*self.gb_per_s][-1])
        return level, self.gb_per_s[level]


def measure(isa: str, threads: int, dtype: str) -> Peaks:
    """Those of this machine; takes some seconds."""
    rate = peaks.multiply_add(isa, threads) / threads
    reads = {name: peaks.read(isa, size, threads) / threads for name, size in READ_SIZES.items()}
    return Peaks(rate / 2 if dtype == "float64" else rate, reads)


class Bound(NamedTuple):
    """How a phase stands to the peaks.

    Attributes:
        name: "compute", "memory (level)", "latency", "barrier" or "overhead"; "function" for an activation that is not
            held by memory, for its operations are not counted.
        compute, memory: the parts of its time that it would need at the peak; None where there is nothing to count.
    """

    name: str
    compute: float | None
    memory: float | None


def bound(phase: str, work: Work | None, nanoseconds: float, peaks: Peaks) -> Bound:
    """For what all threads together spent in a phase."""
    if phase == "waiting":
        return Bound("barrier", None, None)
    if phase == OVERHEAD or work is None or not nanoseconds:
        return Bound("overhead", None, None)
    level, rate = peaks.read(work.resident)
    memory = work.bytes / rate / nanoseconds
    compute = None if work.flops is None else work.flops / peaks.gflop_per_s / nanoseconds
    if max(compute or 0.0, memory) < NEAR:
        return Bound("function" if phase == "activation" else "latency", compute, memory)
    return Bound("compute" if (compute or 0.0) >= memory else f"memory ({level})", compute, memory)
