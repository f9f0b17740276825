"""The table in docs/gpu.md: what the tiles of `block` take, and how many blocks of each a multiprocessor has at once.

`python tests/cuda_emulation/occupancy.py` writes it anew from registers.json.
"""

from __future__ import annotations

import json
from pathlib import Path

from nvrtc import TABLE

from rnnfast.backends.gpu_block import TILES
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_instances import DIRECTIONS

PAGE = Path(__file__).parents[2] / "docs" / "gpu.md"
BEGIN, END = "<!-- occupancy -->\n", "<!-- end of occupancy -->\n"
DEVICES = (
    Device("T4", 75, 40, 65536, threads=1024),
    Device("A100", 80, 108, 166912, threads=2048),
    Device("RTX 4090, L4, L40S", 89, 128, 101376, threads=1536),
    Device("H100, H200", 90, 132, 232448, threads=2048),
    Device("B200", 100, 148, 232448, threads=2048),
    Device("RTX 5090", 120, 170, 101376, threads=1536),
)


def table() -> str:
    """Markdown; a cell has registers of a thread (the larger of both directions) and blocks at once."""
    used = json.loads(TABLE.read_text())
    lines = ["| tile | threads | shared bytes | " + " | ".join(device.name for device in DEVICES) + " |"]
    lines.append("| --- " * (3 + len(DEVICES)) + "|")
    for tile in TILES:
        cells = []
        for device in DEVICES:
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
