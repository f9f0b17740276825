"""`rnnfast tune`."""

from __future__ import annotations

from pathlib import Path

import pytest

import rnnfast
from rnnfast.backends import cost
from rnnfast.cli import main


def test_what_it_writes_is_what_plans_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["tune", "--problems", "30"]) == 0
    path = cost.tuned_path(rnnfast.isa())
    assert f"written to {path}" in capsys.readouterr().out
    assert cost.prices(rnnfast.isa()) == (cost.read(path), "tuned here")


def test_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(["tune", "--problems", "30", "--output", str(tmp_path / "here.json")]) == 0
    assert cost.read(tmp_path / "here.json").keys() == set(cost.VARIANTS)
    assert not cost.tuned_path(rnnfast.isa()).exists()


@pytest.mark.parametrize(("option", "value"), [("--problems", "29"), ("--seed", "-1"), ("--problems", "many")])
def test_bad_options(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", option, value]) == 2
    assert option in capsys.readouterr().err
