"""What the machine is: its processor and caches, as far as the system tells."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

CPU_FOLDER = Path("/sys/devices/system/cpu/cpu0/cache")


def processor_name() -> str:
    """What the manufacturer calls it."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string")
    if sys.platform.startswith("linux"):
        lines = Path("/proc/cpuinfo").read_text()
        found = re.search(r"^(?:model name|Model|CPU part)\s*:\s*(.+)$", lines, re.MULTILINE)
        if found:
            return f"{found[1]} ({platform.machine()})"
    return platform.processor() or platform.machine()


def cores() -> str:
    """Those that the machine has, and those that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{os.cpu_count()}, of which this process may use {usable}"


def caches() -> str:
    """Those of the first core: level, kind, size."""
    if sys.platform == "darwin":
        sizes = {level: int(_sysctl(f"hw.{level}cachesize")) >> 10 for level in ("l1d", "l1i", "l2")}
        return ", ".join(f"{level} {kilobytes}K" for level, kilobytes in sizes.items())
    found = []
    for index in sorted(CPU_FOLDER.glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        found.append(f"L{level} {kind.lower()} {size}")
    return ", ".join(found) or "unknown"


def _sysctl(name: str) -> str:
    return subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=True, timeout=5).stdout.strip()
