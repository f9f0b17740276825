"""`rnnfast bench --backend cupy`, as far as it goes without a GPU."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from played_crew import PlayedCrew

from rnnfast import cli
from rnnfast.bench import crew, peaks, records, suites
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import CHOSEN, contenders
from rnnfast.bench.suites import SUITES, Suite

OWN = [
    CHOSEN,
    "cupy/stepwise",
    *(f"cupy/{variant}{precision}" for variant in ("block", "persistent") for precision in ("", " high", " medium")),
]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One case, one peak, and contenders in this process."""

    class Played(PlayedCrew):
        def __init__(self, backend: str) -> None:
            super().__init__(contenders(backend), tmp_path)

        def __enter__(self) -> PlayedCrew:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(crew, "Crew", Played)
    monkeypatch.setitem(SUITES, "gpu", Suite("tiny", (Case(3, 4, 5, 6),), seconds=0.01))
    monkeypatch.setattr(peaks, "READ_SIZES", {"16 KB": 16 << 10})


def test_its_contenders(emulated_cupy: ModuleType) -> None:
    known = contenders("cupy")
    assert list(known) == [*OWN, "torch cuDNN"]
    assert all(contender.on_gpu for contender in known.values())
    assert known["cupy/block medium"].tolerance > known["cupy/block"].tolerance
    assert not any(contender.on_gpu for contender in contenders("cpu").values())
    assert {*known, *contenders("cpu")} <= set(contenders())


def test_from_timing_to_table(
    emulated_cupy: ModuleType, tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--only", *OWN[1:4], "--json", str(tmp_path / "now.json"), "--threads", "1"]
    assert cli.main(["bench", "--backend", "cupy", *options]) == 0
    out = capsys.readouterr().out
    assert "on an emulated GPU\n" in out
    assert "gpu: B, T, I, H = 3, 4, 5, 6; forward+backward" in out
    result = records.read(tmp_path / "now.json")
    assert result.settings["backend"] == "cupy"
    assert {(point.contender, point.status) for point in result.points} == {(name, records.TIMED) for name in OWN[:4]}
    assert all(point.error is not None and point.error < 1e-3 for point in result.points)


def test_it_takes_less_than_ten_minutes() -> None:
    """With half of it for what is compiled and prepared."""
    suite = suites.SUITES["gpu"]
    assert sum(suite.seconds * len(case.passes) for case in suite.cases) <= 300


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert cli.main(["bench", "--backend", "cupy"]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert "--backend: 'cupy' cannot run here: CuPy is not installed: pip install cupy-cuda12x" in error


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--backend", "cuda"], ["--backend", "auto, cpu, cupy", "'cuda'"]),
        (["--backend", "cpu", "--only", "torch cuDNN"], ["--only", "cpu/panel", "'torch cuDNN'"]),
    ],
)
def test_bad_options(options: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *options]) == 2
    error = capsys.readouterr().err
    assert all(part in error for part in parts)


@pytest.mark.gpu
def test_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnfast.backends import REGISTRY

    reason = REGISTRY["cupy"].unavailable()
    if reason is not None:
        pytest.skip(reason)
    options: list[Any] = ["--seconds", "0.1", "--json", str(tmp_path / "now.json")]
    assert cli.main(["bench", "--backend", "cupy", *options]) == 0
    points = records.read(tmp_path / "now.json").points
    assert all(point.status in (records.TIMED, records.LEFT_OUT) for point in points)
