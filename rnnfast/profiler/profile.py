"""Where the time of a block of code goes: the trainer's own share, and the phases of the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rnnfast import _cpu
from rnnfast.backends import gpu_phases
from rnnfast.backends.gpu_limits import DIRECTIONS
from rnnfast.profiler import native, spans, trace
from rnnfast.profiler.native import CALL, OVERHEAD, PHASES

OTHER = "other"
"""What no span is around: the caller's own code, and what of the trainer has no name here."""


class Row(NamedTuple):
    """One entry of the table.

    Attributes:
        name: of the phase or the span.
        where: "kernels", "python" or "gpu".
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
        gpu_seconds: that passes took on a GPU, from their first to their last CUDA event.
        gpu: what of them was in each phase, the largest first; it adds up to them. The host does not wait for a GPU, so
            this time is beside that of the rows and not within it.
        threads: that were in the kernels or in spans.
        dropped: events that a trace lacks, for there was no room; the rows count them.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.rows: list[Row] = []
        self.gpu_seconds = 0.0
        self.gpu: list[Row] = []
        self.threads: list[Thread] = []
        self.dropped = 0
        self._recorder = spans.Recorder()
        self._gpu_recorder = gpu_phases.PhaseRecorder()
        self._events: list[native.PhaseEvent] = []
        self._names: list[str] = []

    def __str__(self) -> str:
        lines = [f"{self.seconds * 1e3:.3f} ms", *_lines(self.rows, self.seconds)]
        lines += [
            f"  thread {thread.name}: work {thread.work * 1e3:.3f} ms, waiting {thread.waiting * 1e3:.3f} ms, "
            f"Python {thread.python * 1e3:.3f} ms"
            for thread in self.threads
        ]
        if self.gpu:
            lines += [f"on the GPU, beside that: {self.gpu_seconds * 1e3:.3f} ms", *_lines(self.gpu, self.gpu_seconds)]
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
        records += self._gpu_records(start)
        trace.write(path, records, dropped=self.dropped)

    def _gpu_records(self, start: int) -> trace.Records:
        """Every device as a process with its streams, which begins as the host asked for its first event."""
        recorder, records = self._gpu_recorder, trace.Records()
        for device, began in recorder.began.items():
            events = [event for event in recorder.events if event.device == device]
            streams = sorted({event.stream for event in events})
            records += trace.process(2 + device, f"GPU {device}", {stream: f"stream {stream}" for stream in streams})
            placed = [
                native.PhaseEvent(event.stream, event.name, began + event.begin, began + event.end, event.own)
                for event in events
            ]
            records += trace.phases(2 + device, placed, start)
        return records

    def _finish_gpu(self) -> None:
        self._gpu_recorder.finish()
        self.gpu_seconds = self._gpu_recorder.whole / 1e9
        found: dict[str, Row] = {}
        for name, total in self._gpu_recorder.totals.items():
            title = OVERHEAD if name in DIRECTIONS else name
            seconds, calls = found[title][2:4] if title in found else (0.0, 0)
            found[title] = Row(title, "gpu", seconds + total.nanoseconds / 1e9, calls + total.count, 0.0)
        self.gpu = sorted(found.values(), key=lambda row: -row.seconds)
        self.dropped += self._gpu_recorder.dropped

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


def _lines(rows: list[Row], whole: float) -> Iterator[str]:
    """The table, with shares of the whole."""
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        share = row.seconds / whole if whole else 0.0
        others = f"  {row.others * 1e3:10.3f} ms in other threads" if row.others else ""
        yield (
            f"  {row.name:<{width}}  {row.where:<7}  {row.seconds * 1e3:10.3f} ms  {share:6.1%}  "
            f"{row.calls:8d} x{others}"
        )


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
    rest of the process goes on as it was; calls from all of its threads are counted. Calls of the backend `cupy` have a
    table of their own, of the time on the GPU by CUDA events, and NVTX ranges; nothing waits for the GPU before the
    block ends.

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
        gpu_phases.start(found._gpu_recorder)
        try:
            with block:
                yield found
        finally:
            found.seconds = block.nanoseconds / 1e9
            _cpu.set_profiling(False)
            spans.stop()
            gpu_phases.stop()
            found._events = native.take_events()
            counted = native.totals().since(before)
            found._finish(counted, _cpu.profiler_nanoseconds_per_tick(), caller)
            found._finish_gpu()
    finally:
        spans.stop()
        gpu_phases.stop()
        _cpu.set_profiling(False)
