"""The table in docs/gpu.md: what the tiles of `block` take, and how many blocks of each a multiprocessor has at once.

`python tests/cuda_emulation/occupancy.py` writes it anew from registers.json.
"""

from __future__ import annotations

import json
from pathlib import Path

from nvrtc import TABLE

from rnnfast.backends.gpu_block import TILES
from rnnfast.backends.gpu_chips import CHIPS
from rnnfast.backends.gpu_limits import DIRECTIONS

PAGE = Path(__file__).parents[2] / "docs" / "gpu.md"
BEGIN, END = "<!-- occupancy -->\n", "<!-- end of occupancy -->\n"


def table() -> str:
    """Markdown; a cell has registers of a thread (the larger of both directions) and blocks at once."""
    used = json.loads(TABLE.read_text())
    devices = {chip.capability: chip for chip in CHIPS.values()}  # one of each
    alike = [", ".join(chip.name for chip in CHIPS.values() if chip.capability == kind) for kind in devices]
    lines = ["| tile | threads | shared bytes | " + " | ".join(alike) + " |"]
    lines.append("| --- " * (3 + len(devices)) + "|")
    for tile in TILES:
        cells = []
        for device in devices.values():
            rows = used[f"sm_{device.capability}"]
            names = [tile.expression(direction) for direction in DIRECTIONS]
            if names[0] not in rows or tile.shared_bytes > device.shared_bytes:
                cells.append("")
                continue
            registers = max(rows[name][0] for name in names)
            cells.append(f"{registers}, {device.blocks_at_once(tile.threads, registers, tile.shared_bytes)}")
        lines.append(f"| `{tile}` | {tile.threads} | {tile.shared_bytes:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    text = PAGE.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    PAGE.write_text(text[:begin] + "\n" + table() + "\n" + text[end:])


if __name__ == "__main__":
    main()
