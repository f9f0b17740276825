"""A stand-in for CuPy's events and NVTX ranges: the clock of the GPU is the number of operations that it has run.

As on a GPU, the host learns that an event has passed from what waits, which is counted (`emulated_arrays.TO_HOST`), or
by asking (`Event.done`); and what has not passed has no time.
"""

from __future__ import annotations

from emulated_arrays import TO_HOST, Stream

MILLISECONDS = 0.5
"""Of every operation."""

RANGES: list[str] = []
"""NVTX ranges as they were begun, and "" for each that was ended."""


class Event:
    """An event; `made` counts them, and the host is so many operations ahead of the GPU until it waits (`ahead`)."""

    made = 0
    ahead = 1 << 60

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        assert not disable_timing
        Event.made += 1
        self._at: int | None = None
        self._waited_for = False

    def record(self, stream: Stream | None = None) -> None:
        stream = Stream.current if stream is None else stream
        stream.refuse_capture()
        self._at = Stream.operations
        _open.append(self)

    @property
    def done(self) -> bool:
        assert self._at is not None
        return self._waited_for or Stream.operations - self._at >= Event.ahead

    def synchronize(self) -> None:
        TO_HOST.append("an event")
        wait()


_open: list[Event] = []


def wait() -> None:
    """The GPU has come to everything."""
    while _open:
        _open.pop()._waited_for = True


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds. RuntimeError: one was not recorded, or may not have passed yet."""
    if start_event._at is None or end_event._at is None:
        raise RuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
    if not (start_event.done and end_event.done):
        raise RuntimeError("cudaErrorNotReady: device not ready")
    return (end_event._at - start_event._at) * MILLISECONDS


class nvtx:
    """The module `cupy.cuda.nvtx`."""

    available = True

    @staticmethod
    def RangePush(message: str, id_color: int = -1) -> None:
        assert message.isascii()
        RANGES.append(message)

    @staticmethod
    def RangePop() -> None:
        RANGES.append("")
