"""`rnnfast bench`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnfast import cli
from rnnfast.bench import history, peaks, provenance, records, suites
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Result
from rnnfast.bench.suites import Suite
from rnnfast.commands import bench_print


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A quick suite of one tiny case, one peak, and an own folder for the history."""
    monkeypatch.setitem(suites.SUITES, "quick", Suite("tiny", (Case(3, 4, 5, 6),), seconds=0.01))
    monkeypatch.setattr(peaks, "READ_SIZES", {"16 KB": 16 << 10})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_from_timing_to_report(brief: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a fresh install the NumPy loop is the only peer; those that are installed are left out here."""
    options = ["--only", "cpu/panel", "NumPy loop", "--json", "now.json", "--save", "--report", "page"]
    assert cli.main(["bench", *options]) == 0
    out = capsys.readouterr().out
    result = records.read(tmp_path / "now.json")
    assert {(point.contender, point.what) for point in result.points} == {
        (name, what) for name in (CHOSEN, "cpu/panel", "NumPy loop") for what in ("forward", "forward+backward")
    }
    for point in result.points:
        assert point.status == records.TIMED
        assert len(point.rounds) >= 5
        assert point.error is not None
        assert point.error < 1e-5
    for part in (
        "quick: B, T, I, H = 3, 4, 5, 6; forward+backward",
        "GFLOP/s with 1 thread",
        "Report: page/index.html",
    ):
        assert part in out
    assert history.read(history.path_for(provenance.identity())) == [result]
    assert "<svg" in (tmp_path / "page" / "index.html").read_text()
    assert cli.main(["bench", "--history", "--report", "page"]) == 0
    assert (tmp_path / "page" / "history.html").exists()


def test_ctrl_c_keeps_what_was_timed(
    brief: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = bench_print.group

    def interrupt_after_one(group: list[records.Point]) -> None:
        said(group)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench_print, "group", interrupt_after_one)
    assert cli.main(["bench", "--only", "NumPy loop", "--json", "now.json"]) == 130
    assert "interrupted" in capsys.readouterr().err
    result = records.read(tmp_path / "now.json")
    assert {point.what for point in result.points} == {"forward"}
    assert all(point.rounds for point in result.points)


def test_comparing_two_files(
    made_up: Callable[..., Result], brief: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = made_up("latency"), made_up("latency", seed=1, slower=1.5)
    new.machine["isa"] = "avx512"
    records.write(tmp_path / "old.json", old)
    records.write(tmp_path / "new.json", new)
    assert cli.main(["bench", "--load", "new.json", "--compare", "old.json"]) == 0
    out = capsys.readouterr().out
    assert "Not the same: isa: avx2 then, avx512 now" in out
    listed = [line for line in out.splitlines() if line.startswith("  slower")]
    own = [point for point in new.points if point.own and point.rounds]
    assert len(listed) == len(own)
    assert f"{len(listed)} changed beyond the noise" in out
    assert all(", 2 threads  1.5" in line or ", 2 threads  1.4" in line for line in listed)
    assert "  faster" not in out
    assert "WRONG: off by 0.5 of the norm" in out
    assert "  left out: cpu/lanes\n" in out


@pytest.mark.parametrize(
    ("options", "code", "parts"),
    [
        (["--suite", "slow"], 2, ["--suite", "quick", "'slow'"]),
        (["--only", "torhc"], 2, ["--only", "torch", "'torhc'"]),
        (["--seconds", "0"], 2, ["--seconds", "above 0"]),
        (["--threads", "0"], 2, ["--threads", "at least 1"]),
        (["--load", "none.json"], 1, ["none.json"]),
        (["--compare", "none.json"], 1, ["none.json"]),
        (["--load", "text.json"], 2, ["--load", "text.json", "expected a result"]),
        (["--compare", "text.json"], 2, ["--compare", "text.json", "expected a result"]),
        (["--report", "text.json"], 2, ["--report", "folder"]),
        (["--history"], 1, ["no history", "--save"]),
    ],
)
def test_bad_options(
    options: list[str], code: int, parts: list[str], brief: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.json").write_text(json.dumps({"format": 7}))
    assert cli.main(["bench", *options]) == code
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    for part in parts:
        assert part in error
    assert [path.name for path in tmp_path.iterdir()] == ["text.json"]


def test_what_it_needs(rnnfast) -> None:
    result = rnnfast("bench", "--report", "page", missing=("matplotlib",))
    assert result.returncode == 1
    assert "needs matplotlib: pip install 'rnnfast[train]'" in result.stderr
    result = rnnfast("bench", RNNFAST_ISA="sse9")
    assert result.returncode == 1
    assert "sse9" in result.stderr
