"""The process of some contenders: it sets them up, checks them and times slices of their calls, as it is told.

    python -m rnnfast.bench.worker THREADS BACKEND

Requests and answers are one line of JSON each, on standard input and output. Every framework has a process of its own:
their thread pools do not meet, each may have its environment, and one that crashes takes no other with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from rnnfast.bench import check
from rnnfast.bench.cases import BOTH
from rnnfast.bench.memory import peak_growth
from rnnfast.bench.peers import Contender, NotHere, Ready, contenders
from rnnfast.bench.records import case_of
from rnnfast.bench.timing import time_slice

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Worker:
    """What this process has set up."""

    def __init__(self, threads: int, table: dict[str, Contender]) -> None:
        self._threads = threads
        self._table = table
        self._ready: dict[str, Ready] = {}
        self._requests: dict[str, Callable[..., dict[str, Any]]] = {
            "prepare": self.prepare,
            "slice": self.slice,
            "peak": self.peak,
            "forget": self.forget,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the request's `do` answers; an exception becomes `failed`, NotHere `left_out`."""
        arguments = {name: value for name, value in request.items() if name != "do"}
        try:
            return self._requests[request["do"]](**arguments)
        except NotHere as reason:
            return {"left_out": str(reason)}
        except Exception as reason:
            traceback.print_exc(file=sys.stderr)
            first = (str(reason).splitlines() or [""])[0]
            return {"failed": f"{type(reason).__name__}: {first}"}

    def prepare(self, contender: str, case: dict[str, Any], problem: str) -> dict[str, Any]:
        """Sets a contender up for a case, calls each pass once, and says how far off its results are."""
        arrays, expected = check.read_problem(Path(problem))
        made = case_of(case)
        ready = self._table[contender].prepare[made.kind](made, arrays, self._threads)
        self._ready[contender] = ready
        # In the order of `expected`: a training step moves the weights, so that it is checked before anything else.
        errors = {
            what: check.error(ready.arrays(ready.calls[what]()), right)
            for what, right in expected.items()
            if what in ready.calls
        }
        return {"passes": list(ready.calls), "errors": errors}

    def peak(self, contender: str, case: dict[str, Any], problem: str) -> dict[str, Any]:
        """By how many bytes the first call of both passes raises the peak of this process's memory.

        A call on two steps goes before it, which loads what a first call loads.
        """
        arrays, expected = check.read_problem(Path(problem))
        whole = case_of(case)
        prepare = self._table[contender].prepare["memory"]
        few = {name: array[:2] if name in ("x", "dy") else array for name, array in arrays.items()}
        prepare(replace(whole, seq_len=2), few, self._threads).calls[BOTH]()
        ready = prepare(whole, arrays, self._threads)
        results: list[Any] = []
        grown = peak_growth(lambda: results.append(ready.calls[BOTH]()))
        return {"bytes": grown, "errors": {BOTH: check.error(ready.arrays(results[0]), expected[BOTH])}}

    def slice(self, contender: str, what: str, seconds: float) -> dict[str, Any]:
        """Times one slice of a pass."""
        return {"seconds": time_slice(self._ready[contender].calls[what], seconds)}

    def forget(self) -> dict[str, Any]:
        """Frees what was set up."""
        self._ready.clear()
        return {}


def serve(worker: Worker, requests: TextIO, answers: TextIO) -> None:
    """Answers until the requests end."""
    for line in requests:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)


def end_with_parent() -> None:
    """On Linux this process ends when the one that tells it what to do does: it is stopped, and would not notice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Answers standard input. What frameworks print goes to standard error, so that it meets no answer."""
    threads = int(sys.argv[1])
    end_with_parent()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Worker(threads, contenders(sys.argv[2])), sys.stdin, answers)


if __name__ == "__main__":
    main()
