"""What a result was made with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import rnnfast
from rnnfast.bench import peaks, provenance
from rnnfast.bench.peers import CHOSEN, Contender, contenders


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.run(
        ["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peaks, "READ_SIZES", {"16 KB": 16 << 10})
    record = provenance.record([contenders()[CHOSEN]], 2)
    assert record["isa"] == rnnfast.isa()
    assert record["multiply_add"].keys() == {"1", "2"}
    assert record["multiply_add"]["1"] > 0.1
    assert record["read"]["16 KB"]["2"] > 0.1
    assert record["versions"]["rnnfast"] == rnnfast.__version__
    assert record["versions"]["numpy"] == np.__version__
    assert "torch" not in record["versions"]
    assert record.items() >= provenance.identity().items()


def test_a_package_that_comes_under_another_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    information = tmp_path / "other_cpu-1.2.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other-cpu\nVersion: 1.2.3\n")
    (information / "top_level.txt").write_text("other\n")
    monkeypatch.syspath_prepend(tmp_path)
    contender = Contender("Other", "other", {}, ("other",))
    assert provenance.versions([contender])["other"] == "1.2.3"


def test_the_commit(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "package"
    package.mkdir(parents=True)
    assert provenance.commit(package) is None
    git(tmp_path, "init", "-q")
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "another"\n')
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    assert provenance.commit(package) is None
    project.write_text('[project]\nname = "rnnfast"\n')
    git(tmp_path, "commit", "-qam", "second")
    head = git(tmp_path, "rev-parse", "--short", "HEAD")
    assert provenance.commit(package) == head
    project.write_text('[project]\nname = "rnnfast"\nversion = "2"\n')
    assert provenance.commit(package) == head + "+"
