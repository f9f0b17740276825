"""The user's cache: files that appear whole or not at all, and arrays that are known to be what was stored."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rnnfast.typing import Array


def folder() -> Path:
    """Where rnnfast caches: XDG_CACHE_HOME if set, else the convention of the platform. It need not exist."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():  # the XDG specification has relative paths ignored
        return Path(given) / "rnnfast"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rnnfast" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rnnfast"
    return Path.home() / ".cache" / "rnnfast"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to, which takes its place if the block ends without an exception.

    So that a reader, another process or the next run never meets half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def store(name: str, key: str, arrays: dict[str, Array]) -> None:
    """Keep `arrays` under `name`; `key` says what they were made from. Warns where the cache cannot be written."""
    fields: dict[str, Any] = {**arrays, "key": np.array(key)}
    try:
        with replacing(_path(name)) as temporary:
            np.savez(temporary, **fields)
    except OSError as error:
        warnings.warn(f"{_path(name)}: not cached, so the next load is as slow ({error})", RuntimeWarning, stacklevel=2)


def load(name: str, key: str, fields: tuple[str, ...]) -> dict[str, Array] | None:
    """The arrays `fields` that were stored under `name`; None if there are none, or stale or damaged ones.

    Damage shows in the checksum that the zip format has for each array; staleness in a key that is not `key`.
    """
    try:
        # Opened here, because np.load leaves a file open that it fails to read.
        with _path(name).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if stored["key"].item() != key:
                return None
            return {field: stored[field] for field in fields}
    except Exception:  # whatever a damaged file makes the readers raise, the answer is the same: build it anew
        return None


def _path(name: str) -> Path:
    return folder() / f"{name}.npz"
