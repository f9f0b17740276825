"""Suites through real processes and through one that is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from played_crew import PlayedCrew

from rnnfast.bench import records, runner
from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.crew import Crew, WorkerError
from rnnfast.bench.peers import CHOSEN, Contender, NotHere, contenders
from rnnfast.bench.peers.base import Ready
from rnnfast.bench.peers.own import plan_calls
from rnnfast.bench.runner import Settings
from rnnfast.bench.seed_models import EPOCH, STEP, SeedModel
from rnnfast.bench.suites import MEMORY, Suite

SMALL, FEW = Case(3, 4, 5, 6, "relu"), (5, 5)
MODELS = [
    SeedModel(3, 4, 5, 6, words=7, examples=6, outputs=outputs, learning_rate=0.01, activation=f)
    for outputs, f in ((1, "relu"), (2, "tanh"))
]
KNOWN = contenders()


def takers(kind: str) -> list[Any]:
    """The contenders that take this kind of case; those that need a framework run with the other tests that do."""
    return [
        pytest.param(name, marks=pytest.mark.peers if contender.packages else ())
        for name, contender in KNOWN.items()
        if kind in contender.prepare
    ]


def run(suite: Suite, table: dict[str, Contender], crew: Any, **settings: Any) -> list[records.Point]:
    given = Settings(**{"threads": 1, "rounds": FEW, **settings})
    return [point for group in runner.run_suite("mine", suite, table, given, crew) for point in group]


def changed(what: str, change: Callable[[Any], Any]) -> Callable[..., Ready]:
    """rnnfast, but for the result of one pass."""

    def prepare(case: Case, arrays: Mapping[str, np.ndarray], threads: int) -> Ready:
        ready = plan_calls(case, arrays, threads)
        return replace_call(ready, what, lambda: change(ready.calls[what]()))

    return prepare


def replace_call(ready: Ready, what: str, call: Callable[[], Any]) -> Ready:
    return Ready({**ready.calls, what: call}, ready.arrays)


def not_here(*arguments: object) -> Ready:
    raise NotHere("no such device")


def test_a_wrong_contender_is_wrong_and_not_fast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[object] = []

    def fails_when_timed(result: object) -> object:
        calls.append(result)
        if len(calls) > 1:
            raise ArithmeticError("overheated")
        return result

    table = {
        name: Contender(name, "played", {"layer": prepare})
        for name, prepare in {
            CHOSEN: plan_calls,
            "off by a bit": changed(FORWARD, lambda result: (result[0] * np.float32(1.02),)),
            "wrong gradient": changed(BOTH, lambda r: (r[0], r[1], r[2], r[3].T)),
            "breaks": changed(FORWARD, fails_when_timed),
            "elsewhere": not_here,
            "infers": lambda *a: Ready({FORWARD: plan_calls(*a).calls[FORWARD]}),
        }.items()
    }
    points = run(Suite("", (SMALL,)), table, PlayedCrew(table, tmp_path))
    found = {(point.contender, point.what): point for point in points}
    status = {key: point.status for key, point in found.items()}
    assert status == {
        (CHOSEN, FORWARD): records.TIMED,
        (CHOSEN, BOTH): records.TIMED,
        ("off by a bit", FORWARD): records.WRONG,
        ("off by a bit", BOTH): records.TIMED,
        ("wrong gradient", FORWARD): records.TIMED,
        ("wrong gradient", BOTH): records.WRONG,
        ("breaks", FORWARD): records.FAILED,
        ("breaks", BOTH): records.TIMED,
        ("elsewhere", FORWARD): records.LEFT_OUT,
        ("elsewhere", BOTH): records.LEFT_OUT,
        ("infers", FORWARD): records.TIMED,
    }
    assert found["off by a bit", FORWARD].error == pytest.approx(0.02, rel=1e-3)
    assert found["breaks", FORWARD].note == "ArithmeticError: overheated"
    assert found["elsewhere", BOTH].note == "no such device"
    for point in points:
        assert len(point.rounds) == (5 if point.status == records.TIMED else 0)
    assert "overheated" in capsys.readouterr().err


@pytest.fixture(scope="module")
def crew() -> Any:
    with Crew() as crew:
        yield crew


@pytest.mark.parametrize("name", takers("layer"))
def test_every_contender_that_runs_here_is_right(name: str, crew: Crew) -> None:
    contender = KNOWN[name]
    if missing := contender.missing():
        pytest.skip(f"{', '.join(missing)} not installed")
    crew.set_case(SMALL)
    answer = crew.prepare(contender, 1, SMALL)
    if "left_out" in answer:
        pytest.skip(answer["left_out"])
    bound = 2e-2 if "bf16" in name or "medium" in name else 1e-5
    assert 0 < answer["errors"][FORWARD] < bound
    assert BOTH not in answer["passes"] or 0 < answer["errors"][BOTH] < bound


@pytest.mark.parametrize("name", takers("model"))
@pytest.mark.parametrize("case", MODELS, ids=lambda case: f"{case.outputs} outputs")
def test_every_trainer_takes_the_same_step(name: str, case: SeedModel, crew: Crew) -> None:
    contender = KNOWN[name]
    if missing := contender.missing():
        pytest.skip(f"{', '.join(missing)} not installed")
    crew.set_case(case)
    answer = crew.prepare(contender, 1, case)
    if "left_out" in answer:
        pytest.skip(answer["left_out"])
    assert answer["passes"] == [STEP, EPOCH]
    assert answer["errors"][STEP] < 1e-4
    assert crew.slice(contender, 1, EPOCH)(0.0) > 0


def test_threads_are_compared_side_by_side(crew: Crew) -> None:
    table = {CHOSEN: KNOWN[CHOSEN]}
    points = run(Suite("", (SMALL,), "threads"), table, crew, thread_counts=(1, 2))
    assert [(point.what, point.threads) for point in points] == [(FORWARD, 1), (FORWARD, 2), (BOTH, 1), (BOTH, 2)]
    base = records.base_of(points[2:])
    assert base is points[2]


def test_checkpoints_save_memory(crew: Crew) -> None:
    table = {name: KNOWN[name] for name in (CHOSEN, "rnnfast checkpointed", "NumPy loop")}
    case = Case(16, 6400, 8, 64)
    whole, checkpointed = run(Suite("", (case,), measure=MEMORY), table, crew)
    outputs = 16 * 6400 * 64 * 4
    assert (whole.unit, len(whole.rounds)) == ("B", runner.MEMORY_REPETITIONS)
    assert whole.median.value > outputs
    assert checkpointed.median.value < 0.4 * outputs
    assert checkpointed.error is not None
    assert checkpointed.error < 1e-5


def test_own_kernels_alone() -> None:
    suite = Suite("", (), own=True)
    with Crew() as crew:
        assert run(suite, KNOWN, crew) == []
    assert {name for name, contender in KNOWN.items() if contender.own} >= {CHOSEN, "cpu/panel"}
    assert not KNOWN["torch"].own


def test_a_process_that_dies_and_one_that_hangs() -> None:
    broken = replace(KNOWN[CHOSEN], environment={"RNNFAST_ISA": "sse9"}, process="broken")
    with Crew() as crew:
        crew.set_case(SMALL)
        assert "sse9" in crew.prepare(broken, 1, SMALL)["left_out"]
        stillborn = replace(KNOWN[CHOSEN], environment={"PYTHONHOME": "/nowhere"}, process="stillborn")
        assert crew.prepare(stillborn, 1, SMALL) == {"failed": "its process ended with code 1"}
        assert crew.prepare(KNOWN[CHOSEN], 1, SMALL)["errors"][FORWARD] < 1e-5
        timed = crew.slice(KNOWN[CHOSEN], 1, FORWARD)
        assert timed(0.0) > 0
        process = crew._workers[KNOWN[CHOSEN].process, 1]._process
        process.kill()
        process.wait()
        with pytest.raises(WorkerError, match="its process ended with code -9"):
            timed(0.0)
        with pytest.raises(WorkerError, match="its process has ended"):
            timed(0.0)
    with Crew(ready_seconds=0.01) as crew:
        crew.set_case(SMALL)
        assert crew.prepare(KNOWN[CHOSEN], 1, SMALL) == {"failed": "not ready in 0 s"}
