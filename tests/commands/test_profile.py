from __future__ import annotations

import json
from pathlib import Path

import pytest

import rnnfast
from rnnfast import _cpu, cli
from rnnfast.profiler import bounds
from rnnfast.profiler.bounds import Peaks

SMALL = ["profile", "--hidden", "12", "--batch", "4", "--seq-len", "10", "--seconds", "0.01"]


@pytest.fixture(autouse=True)
def known_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring them takes seconds."""
    reads = dict.fromkeys(("16 KB", "256 KB", "8 MB", "128 MB"), 50.0)
    monkeypatch.setattr(bounds, "measure", lambda isa, threads, dtype: Peaks(70.0, reads))


def test_every_variant_forward(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "--input", "5"]) == 0
    out = capsys.readouterr().out
    for variant in ("panel", "lanes", "stationary"):
        assert f"{variant} forward:" in out
    assert "backward:" not in out.split("The plan's own choice")[0]
    assert "input_size 5, hidden_size 12" in out
    assert "70 GFLOP/s" in out
    assert "recurrence" in out
    assert "call overhead" in out
    plan = rnnfast.plan(seq_len=10, batch=4, input_size=5, hidden_size=12)
    assert plan.explain() in out
    assert "tiles is not here: variant: 'tiles'" in out


def test_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {name: tmp_path / "new" / f"profile.{name}" for name in ("json", "html", "trace")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    assert cli.main([*SMALL, "--backward", "--variant", "panel", "--threads", "1", *options]) == 0
    out = capsys.readouterr().out
    for path in files.values():
        assert str(path) in out
    found = json.loads(files["json"].read_text())
    assert found["threads"] == 1
    assert [one["direction"] for one in found["passes"]] == ["forward", "backward"]
    for one in found["passes"]:
        assert sum(row["seconds"] for row in one["rows"]) == pytest.approx(one["wall"])
        assert len(one["threads"]) == 1
    assert files["html"].read_text().startswith("<!doctype html>")
    assert {event["ph"] for event in json.loads(files["trace"].read_text())["traceEvents"]} == {"M", "X"}


def test_nothing_stays_changed() -> None:
    before = rnnfast.get_num_threads()
    assert cli.main([*SMALL, "--variant", "auto", "--threads", "3"]) == 0
    assert rnnfast.get_num_threads() == before
    rnnfast.plan(seq_len=2, batch=1, input_size=1, hidden_size=1)
    assert _cpu.profiler_events().size == 0


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--hidden", "0"], ["--hidden", "at least 1"]),
        (["--hidden", "65", "--variant", "lanes"], ["variant", "hidden_size up to 64"]),
        (["--hidden", "8", "--variant", "fast"], ["variant", "panel, lanes", "'fast'"]),
        (["--hidden", "8", "--seconds", "0"], ["--seconds", "above 0"]),
    ],
)
def test_bad_options(options: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["profile", *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for part in parts:
        assert part in error
