"""What a result depends on: the machine with its measured peaks, the versions, the commit."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import rnnfast
from rnnfast import _cpu, machine
from rnnfast.bench import peaks
from rnnfast.bench.peers import Contender


def record(contenders: Iterable[Contender], threads: int) -> dict[str, Any]:
    """For JSON. Rates are GFLOP/s and GB/s by number of threads, the best of a few seconds' measuring."""
    isa = rnnfast.isa()
    counts = sorted({1, threads})
    return {
        **identity(),
        "system": platform.platform(),
        "cores": machine.cores(),
        "caches": machine.caches(),
        "isa": isa,
        "isas": _cpu.supported_isas(),
        "multiply_add": {str(count): _best(peaks.multiply_add, isa, count) for count in counts},
        "read": {
            size: {str(count): _best(peaks.read, isa, number, count) for count in counts}
            for size, number in peaks.READ_SIZES.items()
        },
        "versions": versions(contenders),
        "commit": commit(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _best(measure: Callable[..., float], *arguments: object) -> float:
    """Of three: on a busy machine the threads of one may never meet."""
    return max(measure(*arguments) for _ in range(3))


def identity() -> dict[str, Any]:
    """Which machine this is."""
    return {"processor": machine.processor_name(), "node": platform.node()}


def versions(contenders: Iterable[Contender]) -> dict[str, str]:
    """Of Python, rnnfast, NumPy and what the contenders import."""
    packages = sorted({package for contender in contenders for package in contender.packages})
    found = {"Python": platform.python_version(), "rnnfast": rnnfast.__version__}
    return found | {package: _version(package) for package in ("numpy", *packages)}


def _version(package: str) -> str:
    """Of what is installed, under whatever name: the package tensorflow comes as tensorflow-cpu, too."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(metadata.packages_distributions()[package][0])


def commit(folder: Path = Path(rnnfast.__file__).parent) -> str | None:
    """The commit that rnnfast is checked out at, with "+" where files differ from it; None outside of a checkout."""
    try:
        root = _git(folder, "rev-parse", "--show-toplevel")
        if 'name = "rnnfast"' not in (Path(root) / "pyproject.toml").read_text():
            return None  # installed somewhere below another project
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return _git(folder, "rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
