"""The file of results of a machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnfast.bench import history
from rnnfast.bench.records import Result


def test_results_are_added_one_after_the_other(
    made_up: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    results = [made_up("quick", seed=seed, commit=f"c{seed}") for seed in range(3)]
    (path,) = {history.append(result) for result in results}
    assert path == tmp_path / "rnnfast" / "bench" / "here-a-processor-1-ghz-more.jsonl"
    assert history.read(path) == results
    other = made_up("quick")
    other.machine["node"] = "there"
    assert history.append(other) != path
    assert len(history.read(path)) == 3


def test_a_damaged_line(made_up: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = history.append(made_up("quick"))
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(ValueError, match=r"line 2: expected a result of rnnfast bench"):
        history.read(path)
