"""Phases of a pass on a GPU: pairs of CUDA events and NVTX ranges while a profile is running; else a test and no more.

Events go to the current stream and nothing waits for them: their times are read when the profile ends, or earlier of
those that the GPU has passed. A graph is one phase from outside: in it there are no events.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

MOST_EVENTS = 100_000
"""Phases that are kept one by one; totals count all of them."""

MOST_UNREAD = 4096
"""Phases from which on times are read while the profile is running, so that a long one takes no more CUDA events."""

_OFF: AbstractContextManager[None] = nullcontext()
_running: PhaseRecorder | None = None


class GpuEvent(NamedTuple):
    """One phase: nanoseconds from the first event on its device, and what of them was not in phases within it.

    Attributes:
        stream: numbered as they were met.
    """

    device: int
    stream: int
    name: str
    begin: int
    end: int
    own: int


class PhaseTotal:
    """All phases of one name: their own nanoseconds, and how many."""

    def __init__(self) -> None:
        self.nanoseconds, self.count = 0.0, 0


class PhaseRecorder:
    """What the calls of all threads put between events.

    Attributes:
        totals: by name.
        whole: nanoseconds of what is in no other phase, which the totals add up to.
        events: of the first MOST_EVENTS.
        dropped: how many came after.
        began: `time.perf_counter_ns` as the first event was put on a stream, by device.
    """

    def __init__(self) -> None:
        self.totals: dict[str, PhaseTotal] = {}
        self.whole = 0.0
        self.events: list[GpuEvent] = []
        self.dropped = 0
        self.began: dict[int, int] = {}
        self._first: dict[int, tuple[Any, Any]] = {}  # CuPy's Device and Event
        self._streams: dict[tuple[int, int], int] = {}
        self._local = threading.local()
        self._unread: deque[_Phase] = deque()
        self._lock = threading.Lock()

    def finish(self) -> None:
        """Waits for every device that had events, and reads all times."""
        with self._lock:
            # What other threads put there from now on is not waited for, and cannot be read.
            unread, self._unread = self._unread, deque()
            devices = [device for device, _ in self._first.values()]
        for device in devices:
            device.synchronize()
        for one in unread:
            self._read(one)

    def begin(self, phase: _Phase, device: Any, stream: int) -> None:
        """It has put its first event on a stream."""
        phase.outer = getattr(self._local, "open", None)
        self._local.open = phase
        with self._lock:
            self._streams.setdefault((device.id, stream), len(self._streams))
            if device.id not in self._first:
                self._first[device.id] = device, phase.first
                self.began[device.id] = time.perf_counter_ns()

    def end(self, phase: _Phase) -> None:
        """It has put its last one there, after all phases within it."""
        self._local.open = phase.outer
        with self._lock:
            self._unread.append(phase)
            while len(self._unread) > MOST_UNREAD and self._unread[0].last.done:
                self._read(self._unread.popleft())

    def _read(self, phase: _Phase) -> None:
        elapsed = phase.nanoseconds_since(phase.first)
        own = elapsed - phase.inside
        total = self.totals.setdefault(phase.name, PhaseTotal())
        total.nanoseconds += own
        total.count += 1
        if phase.outer is None:
            self.whole += elapsed
        else:
            phase.outer.inside += elapsed
        if len(self.events) == MOST_EVENTS:
            self.dropped += 1
            return
        end = phase.nanoseconds_since(self._first[phase.device][1])
        stream = self._streams[phase.device, phase.stream]
        self.events.append(GpuEvent(phase.device, stream, phase.name, round(end - elapsed), round(end), round(own)))


class _Phase:
    """A block of calls to the GPU."""

    def __init__(self, cupy: Any, name: str, recorder: PhaseRecorder) -> None:
        self.name = name
        self.inside = 0.0  # nanoseconds of phases within it
        self.outer: _Phase | None = None
        self._cuda, self._recorder = cupy.cuda, recorder

    def __enter__(self) -> None:
        cuda = self._cuda
        device, self._on = cuda.Device(), cuda.get_current_stream()
        self.device, self.stream = device.id, self._on.ptr
        self.first, self.last = cuda.Event(), cuda.Event()
        self.first.record(self._on)
        self._recorder.begin(self, device, self.stream)
        if cuda.nvtx.available:
            cuda.nvtx.RangePush(f"rnnfast {self.name}")

    def __exit__(self, *error: object) -> None:
        if self._cuda.nvtx.available:
            self._cuda.nvtx.RangePop()
        self.last.record(self._on)
        self._recorder.end(self)

    def nanoseconds_since(self, event: Any) -> float:
        """Up to its end."""
        return float(self._cuda.get_elapsed_time(event, self.last)) * 1e6


def phase(cupy: Any, name: str) -> AbstractContextManager[None]:
    """Counts what the block puts on the current stream as `name`, while a profile is running."""
    return _OFF if _running is None else _Phase(cupy, name, _running)


def start(recorder: PhaseRecorder) -> None:
    """Phases go to that recorder from now on."""
    global _running
    _running = recorder


def stop() -> None:
    """Phases go nowhere; those that are open still go to their recorder."""
    global _running
    _running = None
