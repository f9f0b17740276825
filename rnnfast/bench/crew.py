"""The workers of a run, from the side of the one who tells them what to do."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rnnfast.bench import check
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import Contender
from rnnfast.bench.timing import Slice

_ROOT = Path(__file__).parents[2]
"""Where the package is installed: `python -m` looks in the current folder first, which may have the sources alone."""

READY_SECONDS = 180.0
"""For a contender's imports, its compiling and one call of each pass."""

_THREAD_VARIABLES = (
    "RNNFAST_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)


class WorkerError(Exception):
    """A contender that was set up failed while it was timed."""

    def __init__(self, contender: str, threads: int, reason: str) -> None:
        super().__init__(reason)
        self.contender = contender
        self.threads = threads


class _NoAnswerError(Exception):
    """A worker ended, or did not answer in time."""


class _Worker:
    """One process, started with the threads that its contenders may use.

    It is stopped but for the time between a request and its answer: the threads of some frameworks look out for work
    long after a call, on processors that are another contender's by then.
    """

    def __init__(self, threads: int, backend: str, environment: Mapping[str, str], log: Path) -> None:
        variables = dict.fromkeys(_THREAD_VARIABLES, str(threads))
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "rnnfast.bench.worker", str(threads), backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **variables, **environment},
                cwd=_ROOT,
            )

    def ask(self, timeout: float | None = None, **request: Any) -> dict[str, Any]:
        """The answer to a request. _NoAnswerError: none came."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.send_signal(signal.SIGCONT)
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            if timeout is not None and not select.select([process.stdout], [], [], timeout)[0]:
                self.end()
                raise _NoAnswerError(f"not ready in {timeout:.0f} s")
            line = process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            process.wait()
            raise _NoAnswerError(f"its process ended with code {process.returncode}")
        process.send_signal(signal.SIGSTOP)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Ends the process, and waits for that."""
        self._process.kill()
        self._process.communicate()


class Crew:
    """Workers by framework and number of threads, started when they are needed; a context that ends them all.

    Args:
        backend: that is timed, as for `contenders`.
        ready_seconds: after which a contender that is not ready counts as failed.
    """

    def __init__(self, backend: str = "auto", ready_seconds: float = READY_SECONDS) -> None:
        self._backend = backend
        self._ready_seconds = ready_seconds
        self._workers: dict[tuple[str, int], _Worker] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="rnnfast-bench-")
        self._problem = Path(self._folder.name) / "problem.npz"

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_workers()
        self._folder.cleanup()

    def set_case(self, case: Case) -> None:
        """Makes the arrays of a case and what is right for them; frees what was set up for the one before."""
        for key in list(self._workers):
            self._ask(key, do="forget")
        check.write_problem(self._problem, case)

    def prepare(self, contender: Contender, threads: int, case: Case) -> dict[str, Any]:
        """Sets a contender up: `passes` and their `errors`, or why not, as `failed` or `left_out`."""
        return self._start(contender, threads, do="prepare", case=case.record())

    def peak(self, contender: Contender, threads: int, case: Case) -> dict[str, Any]:
        """The `bytes` that its first call needs at its peak, and `errors`, or why not, as in `prepare`."""
        return self._start(contender, threads, do="peak", case=case.record())

    def slice(self, contender: Contender, threads: int, what: str) -> Slice:
        """Times a pass of a contender that is set up, in its process. Raises WorkerError where that fails."""

        def timed(seconds: float) -> float:
            answer = self._ask(
                (contender.process, threads), do="slice", contender=contender.name, what=what, seconds=seconds
            )
            if "failed" in answer:
                raise WorkerError(contender.name, threads, answer["failed"])
            return float(answer["seconds"])

        return timed

    def end_workers(self) -> None:
        """Ends every process; the next `prepare` starts fresh ones."""
        for worker in self._workers.values():
            worker.end()
        self._workers.clear()

    def _start(self, contender: Contender, threads: int, **request: Any) -> dict[str, Any]:
        """Asks for what may take its time, in a process that is started where there is none."""
        key = (contender.process, threads)
        if key not in self._workers:
            log = Path(self._folder.name) / f"{contender.process}.log"
            self._workers[key] = _Worker(threads, self._backend, contender.environment, log)
        return self._ask(key, self._ready_seconds, contender=contender.name, problem=str(self._problem), **request)

    def _ask(self, key: tuple[str, int], timeout: float | None = None, **request: Any) -> dict[str, Any]:
        if key not in self._workers:
            return {"failed": "its process has ended"}
        try:
            return self._workers[key].ask(timeout, **request)
        except _NoAnswerError as error:
            self._workers.pop(key).end()
            return {"failed": str(error)}
