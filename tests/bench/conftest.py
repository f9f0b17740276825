"""A result that was never timed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnfast.bench import records
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Point, Result
from rnnfast.bench.seed_models import IMDB
from rnnfast.bench.suites import MEMORY, SUITES

CONTENDERS = {CHOSEN: 1.0, "cpu/panel": 1.0, "cpu/lanes": 1.3, "cpu/stationary": 0.9, "torch": 8.0, "JAX scan": 4.0}


@pytest.fixture
def made_up() -> Callable[..., Result]:
    """Some suites as if they had been run: times of 50 GFLOP/s and more, with 2% of noise."""

    def result(*suites: str, seed: int = 0, slower: float = 1.0, commit: str = "abc1234") -> Result:
        rng = np.random.default_rng(seed)
        made = Result(
            {
                "processor": "A Processor <1 GHz> & more",
                "system": "Linux",
                "node": "here",
                "cores": "2",
                "caches": "L1 32K",
                "isa": "avx2",
                "isas": ["avx2"],
                "multiply_add": {"1": 100.0, "2": 200.0},
                "read": {"16 KB": {"1": 100.0, "2": 200.0}, "128 MB": {"1": 12.0, "2": 20.0}},
                "versions": {"Python": "3.12", "rnnfast": "0.1.0", "torch": "2.13.0"},
                "commit": commit,
                "time": f"2026-01-{seed + 1:02d}T00:00:00Z",
            },
            {"threads": 2, "seconds": None, "suites": list(suites), "lacking": {"OpenVINO": ["openvino"]}},
        )
        for name in suites:
            suite = SUITES[name]
            for case in suite.cases:
                for what in case.passes:
                    made.points += _points(name, case, what, rng, slower)
        return made

    def _points(name: str, case: Case, what: str, rng: np.random.Generator, slower: float) -> list[Point]:
        points = []
        suite = SUITES[name]
        for threads in (1, 2) if suite.axis == "threads" else (2,):
            for contender, times in CONTENDERS.items():
                point = Point(name, case, what, contender, threads, own=contender[0] not in "tJ", error=1e-6)
                points.append(point)
                if contender == "cpu/lanes" and case.hidden_size > 64:
                    point.status, point.note = records.LEFT_OUT, "takes hidden_size up to 64 <script>"
                    continue
                if contender == "torch" and what == "forward" and case == suite.cases[0]:
                    point.status, point.error = records.WRONG, 0.5
                    continue
                work = 5e-5 + case.forward_flops * (1 if what == "forward" else 3) / 1e11
                seconds = work * times * (slower if point.own else 1) / threads**0.9
                point.rounds = list(seconds * rng.lognormal(sigma=0.02, size=20))
                if suite.measure == MEMORY:
                    point.unit, point.rounds = "B", [float(round(seconds * 1e10))] * 3
        return points

    assert IMDB.passes != Case.passes
    return result
