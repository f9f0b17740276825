"""Hardware counters: the layout that Linux takes, what it gives back, and how it refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

import pytest

from rnnfast.profiler import counters
from rnnfast.profiler.counters import EVENTS, Counters, Refused


def test_the_attributes_are_those_of_the_header() -> None:
    """Offsets of linux/perf_event.h: type, size, config; read_format at 32, the flags at 40."""
    data = counters.attributes(3, 0x10002, leads=True)
    assert len(data) == 64
    assert struct.unpack_from("=IIQ", data) == (3, 64, 0x10002)
    read_format, flags = struct.unpack_from("=QQ", data, 32)
    assert read_format == 0b1011  # the group, and how long it was enabled and running
    assert flags == 1 | 1 << 5 | 1 << 6  # disabled, without the kernel and the hypervisor
    assert struct.unpack_from("=Q", counters.attributes(0, 0, leads=False), 40)[0] == 1 << 5 | 1 << 6


def test_what_is_read() -> None:
    data = struct.pack("=7Q", 4, 1000, 1000, 11, 22, 33, 44)
    assert counters.parse(data) == dict(zip(EVENTS, (11, 22, 33, 44), strict=True))


def test_shared_counters_are_scaled_up() -> None:
    assert counters.parse(struct.pack("=7Q", 4, 1000, 250, 10, 20, 30, 40))["instructions"] == 80


@pytest.mark.parametrize(
    ("values", "text"),
    [((4, 1000, 0, 0, 0, 0, 0), "taken by others"), ((3, 9, 9, 1, 1, 1), "expected 4 counters, got 3")],
)
def test_what_cannot_be_used(values: tuple[int, ...], text: str) -> None:
    with pytest.raises(Refused, match=text):
        counters.parse(struct.pack(f"={len(values)}Q", *values))


def test_one_call_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a pipe in the place of the group: on for the call alone, then read, then closed."""
    steps: list[object] = []
    reading, writing = os.pipe()
    os.write(writing, struct.pack("=7Q", 4, 5, 5, 1, 2, 3, 4))
    given: list[tuple[int, int]] = []

    def opened(attributes: bytes, group: int) -> int:
        given.append((struct.unpack_from("=IIQ", attributes)[0], group))
        return os.dup(reading)

    monkeypatch.setattr(counters, "_open", opened)
    monkeypatch.setattr(fcntl, "ioctl", lambda descriptor, request, whole: steps.append(request))
    before = set(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").exists() else None
    assert counters.count(lambda: steps.append("call")) == dict(zip(EVENTS, (1, 2, 3, 4), strict=True))
    assert steps == [0x2403, 0x2400, "call", 0x2401]
    assert [kind for kind, _ in given] == [0, 0, 3, 3]
    assert given[0][1] == -1
    assert len({group for _, group in given[1:]}) == 1
    if before is not None:
        assert set(Path("/proc/self/fd").iterdir()) == before
    os.close(reading)
    os.close(writing)


def test_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []

    def refuse(attributes: bytes, group: int) -> int:
        raise Refused("perf events: no")

    monkeypatch.setattr(counters, "_open", refuse)
    assert counters.count(lambda: called.append(1)) is None
    assert counters.why_not() == "perf events: no"
    assert called == []
    with pytest.raises(Refused):
        Counters()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOENT, "virtual machine without a PMU"),
        (errno.EACCES, "kernel.perf_event_paranoid is 4"),
        (errno.EPERM, "kernel.perf_event_paranoid is 4"),
        (errno.ENOSYS, "sandbox"),
        (errno.EMFILE, os.strerror(errno.EMFILE)),
    ],
)
def test_why(number: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paranoid = tmp_path / "perf_event_paranoid"
    paranoid.write_text("4\n")
    monkeypatch.setattr(counters, "PARANOID", paranoid)
    assert text in counters.reason(number)


def test_no_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters.sys, "platform", "darwin")
    assert "none on" in (counters.why_not() or "")


def test_this_machine() -> None:
    """Either there are counters, and a loop takes instructions, or there is a reason."""
    reason = counters.why_not()
    counted = counters.count(lambda: sum(range(100_000)))
    assert (counted is None) == (reason is not None)
    if counted is not None:
        assert counted["instructions"] > 100_000
