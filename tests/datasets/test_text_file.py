from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rnnfast.datasets import text_file

TEXT = "Élan, naïveté\r\nand more.\n"


@pytest.mark.parametrize(("name", "pack"), [("text.txt", bytes), ("text.txt.gz", gzip.compress)])
def test_read(tmp_path: Path, name: str, pack) -> None:
    (tmp_path / name).write_bytes(pack(TEXT.encode()))
    assert text_file.read(tmp_path / name) == TEXT


def test_a_bare_name_is_looked_for_where_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(("data", "cache/rnnfast")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{number}.txt").write_text(folder)
    monkeypatch.setenv("RNNFAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert text_file.read("0.txt") == "data"
    assert text_file.read("1.txt") == "cache/rnnfast"
    with pytest.raises(FileNotFoundError):
        text_file.read("data/1.txt")
    (tmp_path / "0.txt").write_text("here")
    assert text_file.read("0.txt") == "here"


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("empty.txt", b"", ValueError, "expected a text, got an empty file"),
        ("empty.txt.gz", gzip.compress(b""), ValueError, "expected a text, got an empty file"),
        ("latin.txt", "é".encode("latin-1"), ValueError, "expected UTF-8"),
        ("plain.gz", b"plain", ValueError, "expected a whole gzip file"),
        ("cut.gz", gzip.compress(b"text" * 99)[:-9], ValueError, "expected a whole gzip file"),
        ("flipped.gz", gzip.compress(b"text" * 99)[:-5] + b"00000", ValueError, "expected a whole gzip file"),
        (None, None, FileNotFoundError, "nowhere"),
    ],
)
def test_wrong(tmp_path: Path, name, content, error, message: str) -> None:
    if name is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        text_file.read(tmp_path / (name or "nowhere"))
