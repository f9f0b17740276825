from __future__ import annotations

import os
import platform
from importlib import metadata

import numpy as np
import pytest

import rnnfast as package
from rnnfast import _cpu, cli
from rnnfast.commands import info


def test_what_it_says(rnnfast) -> None:
    result = rnnfast("info", RNNFAST_NUM_THREADS="3")
    assert (result.returncode, result.stderr) == (0, "")
    lines = {line[:20].strip(): line[20:] for line in result.stdout.splitlines() if line.startswith("  ")}
    assert lines["instruction sets"] == f"{', '.join(_cpu.supported_isas())}; used: {package.isa()}"
    assert lines["threads used"] == "3"
    assert lines["cores"].startswith(str(os.cpu_count()))
    assert lines["processor"]
    assert lines["rnnfast"] == package.__version__
    assert lines["NumPy"] == np.__version__
    assert lines["Python"].startswith(platform.python_version())
    assert lines["rich"] == f"{metadata.version('rich')} [train]"
    for name, reason in package.backends():
        assert lines[name] == ("runs" if reason is None else f"does not run: {reason}")
        for variant in package.variants(name):
            assert f"{variant.name}: {variant.strategy}" in result.stdout


def test_without_any_extra(rnnfast) -> None:
    """Nothing optional is imported."""
    result = rnnfast("info", missing=("rich", "matplotlib", "safetensors", "pooch", "scipy", "torch"))
    assert (result.returncode, result.stderr) == (0, "")
    assert "instruction sets" in result.stdout


def test_extras_that_are_not_installed(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    def version(package: str) -> str:
        if package == "rich":
            return "1.2"
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(
        metadata,
        "requires",
        lambda _: ["numpy>=1", "rich>=13; extra == 'train'", 'rich; extra == "b"', "x; extra=='b'"],
    )
    assert cli.main(["info"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["rich", "1.2 [train, b]"] in lines
    assert ["x", "not installed [b]"] in lines
    assert "numpy" not in [name for name, *_ in lines]


def test_an_unknown_instruction_set_hides_nothing_else(rnnfast) -> None:
    result = rnnfast("info", RNNFAST_ISA="sse9")
    assert result.returncode == 0
    (line,) = [line for line in result.stdout.splitlines() if "instruction sets" in line]
    assert "unknown" in line
    assert "sse9" in line
    assert package.__version__ in result.stdout


def test_a_machine_that_tells_nothing(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*arguments: object) -> str:
        raise OSError("no such file")

    for name in ("processor_name", "caches", "cores"):
        monkeypatch.setattr(info, name, broken)
    monkeypatch.setattr(platform, "platform", broken)
    assert cli.main(["info"]) == 0
    assert capsys.readouterr().out.count("unknown (no such file)") == 4


def test_peaks_are_measured_on_demand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from rnnfast.bench import peaks
    from rnnfast.bench.cases import Case

    monkeypatch.setattr(peaks, "CASES", (Case(4, 5, 16, 16),))
    package.set_num_threads(2)
    assert cli.main(["info", "--measure"]) == 0
    text = capsys.readouterr().out
    assert "GFLOP/s with 1 thread\n" in text
    assert "GFLOP/s with 2 threads" in text
    for size in peaks.READ_SIZES:
        assert f"reads, {size}" in text
    assert "of the peak, at B, T, I, H = 4, 5, 16, 16" in text
