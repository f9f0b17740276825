"""How much memory a call needs at its peak."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from collections.abc import Callable
from pathlib import Path

_PROCESS = Path("/proc/self")


def peak_growth(call: Callable[[], object]) -> int:
    """By how many bytes the resident memory of this process grows during a call, at the most.

    Linux is told to forget the peak so far, and the allocator to give back what was freed: a call that took that again
    would seem to need nothing. Elsewhere the peak so far is subtracted: too little is reported for a
    call that needs less than what came before it.

    Raises:
        OSError: the system tells neither.
    """
    if (_PROCESS / "clear_refs").exists():
        _give_back_freed()
        (_PROCESS / "clear_refs").write_text("5")
        before = _linux_peak()
        call()
        return _linux_peak() - before
    before = _peak()
    call()
    return _peak() - before


def _give_back_freed() -> None:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        trim(0)


def _linux_peak() -> int:
    found = re.search(r"^VmHWM:\s*(\d+) kB$", (_PROCESS / "status").read_text(), re.MULTILINE)
    if not found:
        raise OSError("/proc/self/status has no VmHWM")
    return int(found[1]) * 1024


def _peak() -> int:
    try:
        import resource
    except ImportError as error:
        raise OSError("this system has no getrusage") from error
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
