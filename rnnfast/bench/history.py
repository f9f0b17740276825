"""The results of one machine over time: a file of one result a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from rnnfast.bench import records
from rnnfast.bench.records import Result
from rnnfast.datasets.cache import folder
from rnnfast.files import write_whole


def path_for(machine: dict[str, Any]) -> Path:
    """The file of a machine, in the user's cache."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{machine['node']} {machine['processor']}".lower()).strip("-")
    return folder() / "bench" / f"{words}.jsonl"


def append(result: Result) -> Path:
    """Adds a result to its machine's file; returns the file."""
    path = path_for(result.machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    write_whole(path, before + json.dumps(records.to_json(result)).encode() + b"\n")
    return path


def read(path: Path) -> list[Result]:
    """Every result of a file, the oldest first.

    Raises:
        ValueError: a line is something else. OSError: the file cannot be read.
    """
    results = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            results.append(records.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}, line {number}: expected a result of rnnfast bench: {error}") from error
    return results
