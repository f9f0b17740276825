from __future__ import annotations

from pathlib import Path

from rnnfast import machine


def test_caches(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(machine, "CPU_FOLDER", tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    assert machine.caches() == "unknown"
    for index, values in enumerate([("1", "Data", "48K"), ("2", "Unified", "2048K")]):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, value in zip(("level", "type", "size"), values, strict=True):
            (folder / name).write_text(value + "\n")
    assert machine.caches() == "L1 data 48K, L2 unified 2048K"
