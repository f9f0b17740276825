"""The tables of a problem's profile, cell by cell, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnfast.bench import words
from rnnfast.bench.peaks import threads_in_words
from rnnfast.bench.report.tables import Cell
from rnnfast.profiler.bounds import Peaks
from rnnfast.profiler.passes import PassProfile

ALL_THREADS = "all threads"
PHASE_HEADINGS = ("phase", "time", "share", ALL_THREADS, "GFLOP/s", "of peak", "GB/s", "of peak", "held by")
"""Rates are of one thread at work, or of the whole GPU, and so are the peaks that they are compared with."""

VARIANT_HEADINGS = ("variant", "pass", "a call", "phases", "call overhead")
ON_THREADS, ON_GPU = ("waiting", "balance"), ("registers", "shared memory", "occupancy")
"""What the table of variants has besides: on a GPU that of the recurrence's kernel, by thread and by block."""


def phase_headings(one: PassProfile) -> Sequence[str]:
    """Those of `phase_cells`."""
    return [name for name in PHASE_HEADINGS if one.occupancy is None or name != ALL_THREADS]


def phase_cells(one: PassProfile) -> Iterator[list[Cell]]:
    """A row for each phase, the call overhead last."""
    for row in one.rows:
        busy = sum(row.busy)
        yield [
            Cell(row.name),
            Cell(_time(row.seconds), row.seconds),
            _percent(row.seconds / one.wall),
            *([Cell(_time(busy), busy)] if one.occupancy is None else []),
            *_rate(row.gflop_per_s, row.bound.compute),
            *_rate(row.gb_per_s, row.bound.memory),
            Cell(row.bound.name),
        ]


def variant_headings(passes: Sequence[PassProfile]) -> Sequence[str]:
    """Those of `variant_cells`."""
    return (*VARIANT_HEADINGS, *(ON_THREADS if passes[0].occupancy is None else ON_GPU))


def variant_cells(passes: Sequence[PassProfile]) -> Iterator[list[Cell]]:
    """A row for each pass of each variant."""
    for one in passes:
        yield [
            Cell(one.variant),
            Cell(one.direction),
            Cell(_time(one.wall), one.wall),
            _percent((one.wall - one.overhead) / one.wall),
            _percent(one.overhead / one.wall),
            *_team(one),
        ]


def _team(one: PassProfile) -> Iterator[Cell]:
    if one.occupancy is None:
        yield _percent(sum(row.seconds for row in one.rows if row.name == "waiting") / one.wall)
        yield _percent(one.balance)
    else:
        registers, shared = one.occupancy.registers, one.occupancy.kernel.shared_bytes
        yield Cell(str(registers), registers)
        yield Cell(f"{shared:,} B", shared)
        yield _percent(one.occupancy.share)


def title(one: PassProfile) -> str:
    """Above its table."""
    return f"{one.variant} {one.direction}: {_time(one.wall)} a call"


def remarks(one: PassProfile) -> Iterator[str]:
    """Below its table."""
    yield from [_threads(one)] if one.occupancy is None else str(one.occupancy).splitlines()
    yield f"mean of the fastest quarter of the calls: {one.calls}"
    yield from (f"not a phase of its own: {text}" for text in one.fused)
    if one.counters is not None:
        counted = one.counters
        amounts = ", ".join(f"{value:,.0f} {name}" for name, value in counted.items())
        cycles = counted["cycles"]
        rate = f"; {counted['instructions'] / cycles:.2f} instructions a cycle" if cycles else ""
        yield f"calling thread: {amounts}{rate}"
    if one.dropped:
        yield f"{one.dropped} events found no room and are not in the trace; the table counts them"


def _threads(one: PassProfile) -> str:
    threads = ", ".join(f"{_time(work)} at work and {_time(waiting)} waiting" for work, waiting in one.threads)
    return f"threads: {threads}; balance {one.balance:.0%} over {threads_in_words(one.team)}"


def peaks_in_words(peaks: Peaks, threads: int, device: str | None = None) -> str:
    """What the rates are compared with."""
    reads = ", ".join(f"{rate:.0f} GB/s from {size}" for size, rate in peaks.gb_per_s.items())
    if device:
        return f"Peaks of {device} by its clocks, not measured: {peaks.gflop_per_s:.0f} GFLOP/s, reads {reads}"
    return f"Measured peaks of one thread of {threads}: {peaks.gflop_per_s:.0f} GFLOP/s, reads {reads}"


def bound_in_words() -> str:
    """What the last column means."""
    return (
        "Held by: compute or memory where a phase needs at least half of its time at that peak; latency where neither "
        "explains it (short products, steps that wait for each other); function for the arithmetic of an activation; "
        "barrier for waits between threads."
    )


def _rate(rate: float | None, share: float | None) -> tuple[Cell, Cell]:
    if rate is None or share is None:
        return Cell("", 0.0), Cell("", 0.0)
    return Cell(f"{rate:.1f}", rate), _percent(share)


def _percent(share: float) -> Cell:
    return Cell(f"{share:.1%}" if share < 0.1 else f"{share:.0%}", share)


def _time(seconds: float) -> str:
    return words.amount(seconds, "s") if seconds > 0 else "0"
