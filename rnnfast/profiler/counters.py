"""Hardware counters of this process through Linux perf events; where the system refuses them, the reason.

One group of events is opened with perf_event_open(2), so that all of them count over the same time, for the calling
thread alone: what other threads of the team do is not among it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# linux/perf_event.h
_HARDWARE, _CACHE = 0, 3
_READ_MISSES = 1 << 16  # PERF_COUNT_HW_CACHE_OP_READ << 8 | PERF_COUNT_HW_CACHE_RESULT_MISS << 16
_L1D, _LAST_LEVEL = 0, 2
EVENTS = {
    "cycles": (_HARDWARE, 0),
    "instructions": (_HARDWARE, 1),
    "L1 data misses": (_CACHE, _L1D | _READ_MISSES),
    "last-level misses": (_CACHE, _LAST_LEVEL | _READ_MISSES),
}
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")

_CALL_NUMBERS = {"x86_64": 298, "aarch64": 241}
_DISABLED, _EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 1 << 0, 1 << 5, 1 << 6
_GROUP, _ENABLED_TIME, _RUNNING_TIME = 1 << 3, 1 << 0, 1 << 1  # read_format
_ENABLE, _DISABLE, _RESET, _WHOLE_GROUP = 0x2400, 0x2401, 0x2403, 1
_ATTRIBUTES = 64  # PERF_ATTR_SIZE_VER0
"""Bytes of perf_event_attr that are given: the kernel takes the rest as 0."""


class Refused(Exception):
    """The system has no counters for this process; the message says why."""


def count(call: Callable[[], Any]) -> dict[str, float] | None:
    """Events during one call in this thread, by name; None where there are none: `why_not` says why."""
    try:
        with Counters() as counters:
            return counters.during(call)
    except Refused:
        return None


def why_not() -> str | None:
    """Why there are no counters here, or None if there are."""
    try:
        with Counters():
            return None
    except Refused as refused:
        return str(refused)


class Counters:
    """The events of this thread, opened as one group.

    Raises:
        Refused: no Linux, no counters in this (virtual) processor, or no permission.
    """

    def __init__(self) -> None:
        self._descriptors: list[int] = []
        try:
            for kind, config in EVENTS.values():
                leader = self._descriptors[0] if self._descriptors else -1
                self._descriptors.append(_open(attributes(kind, config, leads=leader < 0), leader))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Counters:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the counters back."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def during(self, call: Callable[[], Any]) -> dict[str, float]:
        """The events while it runs, by name. Refused: they were never on the processor's counters."""
        import fcntl

        leader = self._descriptors[0]
        fcntl.ioctl(leader, _RESET, _WHOLE_GROUP)
        fcntl.ioctl(leader, _ENABLE, _WHOLE_GROUP)
        try:
            call()
        finally:
            fcntl.ioctl(leader, _DISABLE, _WHOLE_GROUP)
        return parse(os.read(leader, 8 * (3 + len(EVENTS))))


def attributes(kind: int, config: int, *, leads: bool) -> bytes:
    """A perf_event_attr: the user's own instructions, and if it leads the group, read together and off at first."""
    flags = _EXCLUDE_KERNEL | _EXCLUDE_HYPERVISOR | (_DISABLED if leads else 0)
    read_format = _GROUP | _ENABLED_TIME | _RUNNING_TIME
    # type, size, config, sample_period, sample_type, read_format, flags, wakeup_events, bp_type, config1
    return struct.pack("=IIQQQQQIIQ", kind, _ATTRIBUTES, config, 0, 0, read_format, flags, 0, 0, 0)


def parse(data: bytes) -> dict[str, float]:
    """What a read of the group gives, scaled up if the events shared their counters with other processes' ones.

    Raises:
        Refused: they never ran.
    """
    number, enabled, running, *values = struct.unpack(f"={len(data) // 8}Q", data)
    if number != len(EVENTS) or len(values) != number:
        raise Refused(f"perf events: expected {len(EVENTS)} counters, got {number}")
    if running == 0:
        raise Refused("perf events: the counters are all taken by others")
    return {name: value * enabled / running for name, value in zip(EVENTS, values, strict=True)}


def _open(given: bytes, group: int) -> int:
    if not sys.platform.startswith("linux") or platform.machine() not in _CALL_NUMBERS:
        raise Refused(f"perf events: none on {platform.system()} {platform.machine()}")
    call = ctypes.CDLL(None, use_errno=True).syscall
    # attributes, this thread, any processor, group, no flags
    found: int = call(_CALL_NUMBERS[platform.machine()], ctypes.c_char_p(given), 0, -1, group, 0)
    if found < 0:
        raise Refused(reason(ctypes.get_errno()))
    return found


def reason(number: int) -> str:
    """An errno of perf_event_open in words."""
    if number in (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP):
        return "perf events: this processor has no such counters (a virtual machine without a PMU?)"
    if number in (errno.EACCES, errno.EPERM):
        paranoid = PARANOID.read_text().strip() if PARANOID.exists() else "unknown"
        return f"perf events: no permission (kernel.perf_event_paranoid is {paranoid}; 2 or less lets a process count)"
    if number == errno.ENOSYS:
        return "perf events: this kernel has none, or a sandbox keeps them away"
    return f"perf events: {os.strerror(number)}"
