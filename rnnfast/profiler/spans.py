"""Named stretches of Python code: a test and nothing more while no profile is running.

The time in which a thread is inside the compiled kernels is counted there, by phase, and taken off the span around it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import NamedTuple, TypeVar

from rnnfast import _cpu

MOST_EVENTS = 100_000
"""Spans that are kept one by one, for a trace; totals count all of them."""

_T = TypeVar("_T")
_OFF: AbstractContextManager[None] = nullcontext()
_running: Recorder | None = None


class SpanEvent(NamedTuple):
    """One span: nanoseconds of `time.perf_counter_ns`."""

    name: str
    begin: int
    end: int


class SpanTotal:
    """All spans of one name on one thread, without those inside them."""

    def __init__(self) -> None:
        self.nanoseconds = self.native_ticks = self.count = 0


class ThreadSpans:
    """What one thread has done; it alone writes.

    Attributes:
        number: of its log in the kernels.
        python_name: that of the thread.
    """

    def __init__(self) -> None:
        self.number = _cpu.profiler_thread()
        self.python_name = threading.current_thread().name
        self.totals: dict[str, SpanTotal] = {}
        self.events: list[SpanEvent] = []
        self.dropped = 0
        self.open: Span | None = None


class Recorder:
    """The spans of all threads."""

    def __init__(self) -> None:
        self._local = threading.local()
        self.threads: list[ThreadSpans] = []

    def of_this_thread(self) -> ThreadSpans:
        """Made when a thread first asks."""
        found: ThreadSpans | None = getattr(self._local, "spans", None)
        if found is None:
            found = self._local.spans = ThreadSpans()
            self.threads.append(found)  # atomic
        return found


class Span:
    """One block of code; `nanoseconds` is how long it took, when it has ended."""

    def __init__(self, name: str, recorder: Recorder) -> None:
        self._name, self._thread = name, recorder.of_this_thread()
        self.nanoseconds = 0
        self._inside = self._inside_ticks = 0  # of the spans within this one

    def __enter__(self) -> None:
        self._outer, self._thread.open = self._thread.open, self
        self._begin_ticks = _cpu.profiler_ticks()
        self._begin = time.perf_counter_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end = time.perf_counter_ns()
        ticks, spent = _cpu.profiler_ticks() - self._begin_ticks, end - self._begin
        self.nanoseconds = spent
        thread, outer = self._thread, self._outer
        thread.open = outer
        if outer is not None:
            outer._inside += spent
            outer._inside_ticks += ticks
        total = thread.totals.setdefault(self._name, SpanTotal())
        total.nanoseconds += spent - self._inside
        total.native_ticks += ticks - self._inside_ticks
        total.count += 1
        if len(thread.events) < MOST_EVENTS:
            thread.events.append(SpanEvent(self._name, self._begin, end))
        else:
            thread.dropped += 1


def span(name: str, part: str = "") -> AbstractContextManager[None]:
    """Counts the block as `name`, or as "name part", while a profile is running."""
    if _running is None:
        return _OFF
    return Span(f"{name} {part}" if part else name, _running)


def spanned(name: str, items: Iterable[_T]) -> Iterable[_T]:
    """The items; what it takes to make each counts as `name` while a profile is running."""
    return items if _running is None else _spanned(name, items)


def _spanned(name: str, items: Iterable[_T]) -> Iterator[_T]:
    iterator, nothing = iter(items), object()
    while True:
        with span(name):
            item = next(iterator, nothing)
        if item is nothing:
            return
        yield item  # type: ignore[misc]


def start(recorder: Recorder) -> None:
    """Spans go to that recorder from now on. RuntimeError if they go to one already."""
    global _running
    if _running is not None:
        raise RuntimeError("profile: expected none that is running, for there is one set of timers; got a second one")
    _running = recorder


def stop() -> None:
    """Spans go nowhere."""
    global _running
    _running = None
