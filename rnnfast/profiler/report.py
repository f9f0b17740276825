"""The profile of one problem as a whole: what JSON has, and a trace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rnnfast
from rnnfast.files import write_whole
from rnnfast.machine import cores, processor_name
from rnnfast.problem import Problem
from rnnfast.profiler import trace
from rnnfast.profiler.bounds import Peaks
from rnnfast.profiler.passes import PassProfile

FORMAT = 1


@dataclass(frozen=True)
class Report:
    """Every pass of every variant of one problem.

    Attributes:
        problem: what was computed.
        threads: the most that a call could use.
        peaks: of one thread while so many are busy, or of the device.
        passes: one at least.
        no_counters: why there are no hardware counters, or None.
        choice: what the plan would choose, in its own words.
        left_out: variants that do not take the problem here, and why.
        device: the GPU; None: the processor.
    """

    problem: Problem
    threads: int
    peaks: Peaks
    passes: Sequence[PassProfile]
    no_counters: str | None
    choice: str
    left_out: Mapping[str, str]
    device: str | None = None

    @property
    def sizes(self) -> str:
        """Of the problem, in a line."""
        problem = self.problem
        return (
            f"batch {problem.batch}, seq_len {problem.seq_len}, input_size {problem.input_size}, "
            f"hidden_size {problem.hidden_size}, {problem.dtype}, {problem.activation}"
        )

    def record(self) -> dict[str, Any]:
        """As JSON has it; times in seconds, rates in GFLOP/s and GB/s of one thread or of the device."""
        problem = {
            name: getattr(self.problem, name) for name in ("batch", "seq_len", "input_size", "hidden_size", "dtype")
        }
        return {
            "format": FORMAT,
            "rnnfast": rnnfast.__version__,
            "processor": processor_name(),
            "cores": cores(),
            "isa": rnnfast.isa(),
            "threads": self.threads,
            "device": self.device,
            "problem": {**problem, "activation": str(self.problem.activation), "precision": self.problem.precision},
            "peaks" if self.device else "peaks_per_thread": {
                "gflop_per_s": self.peaks.gflop_per_s,
                "gb_per_s": dict(self.peaks.gb_per_s),
            },
            "no_counters": self.no_counters,
            "choice": self.choice,
            "left_out": dict(self.left_out),
            "passes": [_record(one) for one in self.passes],
        }

    def write_json(self, path: Path) -> None:
        """OSError: the folder cannot be written to."""
        write_whole(path, json.dumps(self.record(), indent=1).encode())

    def write_trace(self, path: Path) -> None:
        """One call of each pass, each as a process that begins at 0. OSError: the folder cannot be written to."""
        records: trace.Records = []
        for number, one in enumerate(self.passes, 1):
            threads = sorted({event.thread for event in one.events})
            names = {thread: "caller" if thread == one.caller else f"worker {thread}" for thread in threads}
            if self.device:
                names = dict.fromkeys(threads, self.device)
            records += trace.process(number, f"{one.variant} {one.direction}", names)
            records += trace.phases(number, one.events, one.begin)
        trace.write(path, records, problem=self.sizes, dropped=sum(one.dropped for one in self.passes))


def _record(one: PassProfile) -> dict[str, Any]:
    rows = [{**row._asdict(), "bound": row.bound._asdict()} for row in one.rows]
    whole = asdict(one)
    del whole["events"], whole["begin"], whole["caller"]
    threads = [{"work": work, "waiting": waiting} for work, waiting in one.threads]
    if one.occupancy is not None:
        whole["occupancy"] = {**one.occupancy._asdict(), "kernel": one.occupancy.kernel._asdict()}
    return {**whole, "rows": rows, "threads": threads, "balance": one.balance}
