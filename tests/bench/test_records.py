"""Results and their JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnfast.bench import records
from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Point, Result

MakeUp = Callable[..., Result]


def test_they_come_back_as_they_were(made_up: MakeUp, tmp_path: Path) -> None:
    result = made_up("quick", "seeds", "memory", "scaling")
    path = tmp_path / "below" / "results.json"
    records.write(path, result)
    assert records.read(path) == result
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


def test_json_has_the_figures_for_other_readers(made_up: MakeUp) -> None:
    result = made_up("quick")
    group = next(g for g in result.groups() if g[0].what == BOTH)
    points = {p["contender"]: p for p in records.to_json(result)["points"] if p["case"] == group[0].case.record()}
    base = next(p for p in group if p.contender == CHOSEN)
    other = next(p for p in group if p.contender == "torch")
    written = points["torch"]
    assert written["median"]["value"] == np.median(other.rounds)
    assert written["ratio_to_rnnfast"]["value"] == np.median(other.rounds) / np.median(base.rounds)
    assert written["ratio_to_rnnfast"]["low"] < written["ratio_to_rnnfast"]["value"]
    assert written["gflop_per_s"] == other.case.flops(BOTH) / np.median(other.rounds) / 1e9


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 0}', '{"format": 1}', "not json"])
def test_something_else(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"other\.json: expected a result of rnnfast bench"):
        records.read(path)


def test_a_point_with_a_strange_case(made_up: MakeUp, tmp_path: Path) -> None:
    record = records.to_json(made_up("quick"))
    record["points"][0]["case"]["kind"] = "cake"
    path = tmp_path / "other.json"
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"other\.json: expected a result"):
        records.read(path)


def test_the_base_is_the_choice_on_the_fewest_threads() -> None:
    case = Case(1, 2, 3, 4)
    points = [
        Point("s", case, FORWARD, name, threads, rounds=[1.0])
        for name, threads in (("torch", 1), (CHOSEN, 2), (CHOSEN, 1))
    ]
    assert records.base_of(points) is points[2]
    points[2].status = records.WRONG
    assert records.base_of(points) is points[1]
    assert records.base_of(points[:1]) is None
