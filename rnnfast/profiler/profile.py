"""Where the time of a block of code goes: the trainer's own share, and the phases of the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rnnfast import _cpu
from rnnfast.profiler import native, spans, trace
from rnnfast.profiler.native import CALL, OVERHEAD, PHASES

OTHER = "other"
"""What no span is around: the caller's own code, and what of the trainer has no name here."""


class Row(NamedTuple):
    """One entry of the table.

    Attributes:
        name: of the phase or the span.
        where: "kernels" or "python".
        seconds: of the thread that began the profile, without what is within it and has a row of its own.
        calls: how often.
        others: seconds of all other threads, summed up.
    """

    name: str
    where: str
    seconds: float
    calls: int
    others: float


class Thread(NamedTuple):
    """What one thread did: seconds in the kernels at work, there waiting for other threads, and in spans of Python."""

    name: str
    work: float
    waiting: float
    python: float


class Profile:
    """What `rnnfast.profile()` found; complete when its block has ended.

    Attributes:
        seconds: of the block.
        rows: the largest first; their seconds add up to those of the block.
        threads: that were in the kernels or in spans.
        dropped: events that a trace lacks, for there was no room; the rows count them.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.rows: list[Row] = []
        self.threads: list[Thread] = []
        self.dropped = 0
        self._recorder = spans.Recorder()
        self._events: list[native.PhaseEvent] = []
        self._names: list[str] = []

    def __str__(self) -> str:
        width = max((len(row.name) for row in self.rows), default=0)
        lines = [f"{self.seconds * 1e3:.3f} ms"]
        for row in self.rows:
            share = row.seconds / self.seconds if self.seconds else 0.0
            others = f"  {row.others * 1e3:10.3f} ms in other threads" if row.others else ""
            lines.append(
                f"  {row.name:<{width}}  {row.where:<7}  {row.seconds * 1e3:10.3f} ms  {share:6.1%}  "
                f"{row.calls:8d} x{others}"
            )
        lines += [
            f"  thread {thread.name}: work {thread.work * 1e3:.3f} ms, waiting {thread.waiting * 1e3:.3f} ms, "
            f"Python {thread.python * 1e3:.3f} ms"
            for thread in self.threads
        ]
        if self.dropped:
            lines.append(f"  {self.dropped} events found no room and are not in the trace; the rows count them")
        return "\n".join(lines)

    def write_trace(self, path: str | Path) -> None:
        """Writes a Chrome trace of spans and phases by thread. OSError: the folder cannot be written to."""
        begins = [event.begin for thread in self._recorder.threads for event in thread.events]
        start = min(begins, default=0)
        names = dict(enumerate(self._names))
        records = trace.process(1, "rnnfast", names)
        for thread in self._recorder.threads:
            records += trace.spans(1, thread.number, thread.events, start)
        records += trace.phases(1, self._events, start)
        trace.write(path, records, dropped=self.dropped)

    def _finish(self, counted: native.Counted, ticks_rate: float, caller: int) -> None:
        recorded = self._recorder.threads
        python = {thread.number: _python_seconds(thread, ticks_rate) for thread in recorded}
        own = python.get(caller, {})
        names = dict.fromkeys(name for totals in python.values() for name in totals)
        rows = [
            Row(
                name,
                "python",
                *own.get(name, (0.0, 0)),
                sum(totals[name][0] for number, totals in python.items() if number != caller and name in totals),
            )
            for name in names
        ]
        all_threads = counted.nanoseconds.sum(axis=0) / 1e9
        for phase, name in enumerate(PHASES):
            if counted.counts[:, phase].any():
                seconds = counted.nanoseconds[caller, phase] / 1e9
                title = OVERHEAD if phase == CALL else name
                count = int(counted.counts[caller, phase])
                rows.append(Row(title, "kernels", seconds, count, all_threads[phase] - seconds))
        self.rows = sorted(rows, key=lambda row: -row.seconds)
        self._names = ["caller" if number == caller else f"worker {number}" for number in range(len(counted.counts))]
        for thread in recorded:
            if thread.number not in (caller, -1):
                self._names[thread.number] = thread.python_name
        for number, name in enumerate(self._names):
            waiting = counted.nanoseconds[number, native.WAITING] / 1e9
            work = counted.nanoseconds[number].sum() / 1e9 - waiting
            in_python = sum(seconds for seconds, _ in python.get(number, {}).values())
            if work or waiting or in_python:
                self.threads.append(Thread(name, work, waiting, in_python))
        self.dropped = int(counted.dropped.sum()) + sum(thread.dropped for thread in recorded)


def _python_seconds(thread: spans.ThreadSpans, ticks_rate: float) -> dict[str, tuple[float, int]]:
    """Seconds outside the kernels, and how often, by name."""
    return {
        name: ((total.nanoseconds - total.native_ticks * ticks_rate) / 1e9, total.count)
        for name, total in thread.totals.items()
    }


@contextmanager
def profile() -> Iterator[Profile]:
    """Finds out where the time of a block goes: `with rnnfast.profile() as p: model.fit(...)`, then `print(p)`.

    The rows of the table are the phases inside the compiled kernels, and, of `Sequential`, what the trainer does
    around them: data, each layer forward and backward, loss, metrics, optimizer, callbacks. They are exclusive: what is
    within another is taken off it, so that they add up to the time of the block, and what has no name is "other". The
    rest of the process goes on as it was; calls from all of its threads are counted.

    Yields:
        Profile: filled in when the block ends, also by an exception.

    Raises:
        RuntimeError: another profile is running.
    """
    found = Profile()
    spans.start(found._recorder)
    try:
        _cpu.set_profiling(True)
        native.take_events()  # what earlier profiles left
        caller = found._recorder.of_this_thread().number
        before = native.totals()
        block = spans.Span(OTHER, found._recorder)
        try:
            with block:
                yield found
        finally:
            found.seconds = block.nanoseconds / 1e9
            _cpu.set_profiling(False)
            spans.stop()
            found._events = native.take_events()
            counted = native.totals().since(before)
            found._finish(counted, _cpu.profiler_nanoseconds_per_tick(), caller)
    finally:
        spans.stop()
        _cpu.set_profiling(False)
