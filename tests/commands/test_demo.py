from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnfast.commands import kernel_table
from rnnfast.commands.demo import PASSAGE, reference_text
from rnnfast.commands.language_progress import MILESTONES

pytest.importorskip("pydoc_data.topics", reason="this Python came without the text of help()")

LINE = re.compile(r"^ *([\d.]+) s, +([\d.]+) passes: ([\d.]+) bits per character, ([\d.]+) held out$", re.MULTILINE)


def test_a_short_demo(rnnfast, tmp_path: Path, png_size) -> None:
    result = rnnfast("demo", "--seconds", "3", "--hidden", "32", "--out", "here")
    assert (result.returncode, result.stderr) == (0, "")
    points = [tuple(map(float, found)) for found in LINE.findall(result.stdout)]
    assert 2 <= len(points) <= len(MILESTONES)
    times, passes, train, held_out = zip(*points, strict=True)
    assert sorted(times) == list(times)
    assert times[-1] == pytest.approx(3, abs=1)
    assert passes[-1] > passes[0] >= 0
    assert train[-1] < train[0] - 0.5
    assert held_out[-1] < 4
    passage = result.stdout.split("temperature 0.6:\n\n")[1].split("Microseconds")[0]
    assert passage.startswith("The ")
    assert len(passage) >= PASSAGE
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if line[:1] == "│"]
    assert [tuple(map(int, row[:4])) for row in rows[::2]] == list(kernel_table.SHAPES)
    assert [row[4] for row in rows] == ["forward", "backward"] * len(kernel_table.SHAPES)
    assert all(re.fullmatch(r"[\d,]+\.\dx", row[7]) for row in rows)
    assert png_size(tmp_path / "here" / "demo.png") == (768, 576)
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["demo.png"]


def test_without_the_text(rnnfast) -> None:
    result = rnnfast("demo", missing=("pydoc_data.topics",))
    assert result.returncode == 1
    assert "pydoc_data.topics" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_text_is_plain() -> None:
    text = reference_text()
    assert len(text) > 200_000
    assert text.isascii()


def test_a_row_of_the_table() -> None:
    forward, backward = kernel_table.measure(kernel_table.CASES[0], 0.05)
    assert (forward.direction, backward.direction) == ("forward", "backward")
    for row in (forward, backward):
        assert 0 < row.kernel < 1
        assert row.speed_up == row.reference / row.kernel
