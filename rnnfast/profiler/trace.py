"""Phases and spans as a Chrome trace (JSON trace events), which chrome://tracing and ui.perfetto.dev show.

The format: "Trace Event Format", Google; complete events ("X") with times in microseconds, and names as metadata.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rnnfast.files import write_whole
from rnnfast.profiler.native import PhaseEvent
from rnnfast.profiler.spans import SpanEvent

Records = list[dict[str, Any]]


def process(number: int, name: str, threads: dict[int, str]) -> Records:
    """The names of a process and its threads."""
    named = [("process_name", 0, name), *(("thread_name", thread, text) for thread, text in threads.items())]
    return [
        {"name": kind, "ph": "M", "pid": number, "tid": thread, "args": {"name": text}} for kind, thread, text in named
    ]


def phases(number: int, events: Iterable[PhaseEvent], start: int) -> Iterator[dict[str, Any]]:
    """What the kernels did, in a process; times count from `start`, in nanoseconds."""
    for event in events:
        own = {"own_us": event.own / 1e3}
        yield {**_complete(event.phase, event.begin, event.end, start), "pid": number, "tid": event.thread, "args": own}


def spans(number: int, thread: int, events: Iterable[SpanEvent], start: int) -> Iterator[dict[str, Any]]:
    """What a thread did in Python."""
    for event in events:
        yield {**_complete(event.name, event.begin, event.end, start), "pid": number, "tid": thread}


def write(path: str | Path, records: Iterable[dict[str, Any]], **about: Any) -> None:
    """Writes the file; `about` stands beside the events. OSError: it cannot."""
    text = json.dumps({"traceEvents": [*records], "displayTimeUnit": "ns", "otherData": about})
    write_whole(path, text.encode())


def _complete(name: str, begin: int, end: int, start: int) -> dict[str, Any]:
    return {"name": name, "ph": "X", "ts": (begin - start) / 1e3, "dur": (end - begin) / 1e3}
