"""The registers of every kernel as NVIDIA's compiler allots them, from the table that the tests keep up to date."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

_TABLE = Path(__file__).with_name("registers.json")
_PREFIX = "sm_"


@lru_cache
def _by_capability() -> dict[int, dict[str, list[int]]]:
    table = json.loads(_TABLE.read_text())
    return {int(key.removeprefix(_PREFIX)): rows for key, rows in table.items() if key.startswith(_PREFIX)}


def registers(expression: str, capability: int) -> int:
    """Of a thread of a kernel, on devices of a compute capability, or of the nearest that the table has below it."""
    table = _by_capability()
    nearest = max((known for known in table if known <= capability), default=min(table))
    return table[nearest][expression][0]
