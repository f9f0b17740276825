"""A crew for runs of the benchmark without other processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnfast.bench import check
from rnnfast.bench.cases import Case
from rnnfast.bench.crew import WorkerError
from rnnfast.bench.peers import Contender
from rnnfast.bench.worker import Worker


class PlayedCrew:
    """A crew whose worker is in this process."""

    def __init__(self, table: dict[str, Contender], folder: Path) -> None:
        self.worker = Worker(1, table)
        self.problem = folder / "problem.npz"

    def set_case(self, case: Case) -> None:
        self.worker.forget()
        check.write_problem(self.problem, case)

    def prepare(self, contender: Contender, threads: int, case: Case) -> dict[str, Any]:
        request = {"contender": contender.name, "case": case.record(), "problem": str(self.problem)}
        return self.worker.answer({"do": "prepare", **request})

    def slice(self, contender: Contender, threads: int, what: str) -> Callable[[float], float]:
        def timed(seconds: float) -> float:
            request = {"contender": contender.name, "what": what, "seconds": 0.0}
            answer = self.worker.answer({"do": "slice", **request})
            if "failed" in answer:
                raise WorkerError(contender.name, threads, answer["failed"])
            return answer["seconds"]

        return timed
