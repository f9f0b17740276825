"""Runs suites: sets the contenders up, checks them, times the right ones side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from rnnfast.bench import records
from rnnfast.bench.cases import BOTH, Case
from rnnfast.bench.crew import Crew, WorkerError
from rnnfast.bench.peers import CHOSEN, Contender
from rnnfast.bench.records import Point
from rnnfast.bench.suites import MEMORY, Suite
from rnnfast.bench.timing import Slice, Times, interleave_slices, ratios_are_close

MEMORY_REPETITIONS = 3
_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 200


@dataclass(frozen=True)
class Settings:
    """How a run is timed.

    Attributes:
        threads: of every contender.
        thread_counts: those that a suite along the threads compares.
        seconds: for each case and pass; None: as the suite says.
        rounds: at least and at most so many.
    """

    threads: int
    thread_counts: tuple[int, ...] = (1,)
    seconds: float | None = None
    rounds: tuple[int, int] = (_FEWEST_ROUNDS, _MOST_ROUNDS)


def run_suite(
    name: str, suite: Suite, contenders: Mapping[str, Contender], settings: Settings, crew: Crew
) -> Iterator[list[Point]]:
    """The points of one suite, those of one case and pass as soon as they are there.

    Args:
        name: of the suite.
        suite: its cases.
        contenders: by name, those whose packages are installed; those that do not take the suite's kind of case are
            passed over.
        settings: how.
        crew: the processes; they are left as they are, so that another suite finds them ready.
    """
    chosen = [entry for entry in contenders.values() if entry.own or not suite.own]
    counts = settings.thread_counts if suite.axis == "threads" else (settings.threads,)
    for case in suite.cases:
        kind = suite.measure if suite.measure == MEMORY else case.kind
        entries = {(entry.name, count): entry for entry in chosen if kind in entry.prepare for count in counts}
        crew.set_case(case)
        measure = _memory if suite.measure == MEMORY else _time
        yield from measure(name, suite, case, entries, settings, crew)


Entries = Mapping[tuple[str, int], Contender]
"""By name and number of threads."""


def _time(
    name: str, suite: Suite, case: Case, entries: Entries, settings: Settings, crew: Crew
) -> Iterator[list[Point]]:
    answers = {key: crew.prepare(entry, key[1], case) for key, entry in entries.items()}
    for what in case.passes:
        group, slices = [], {}
        for key, entry in entries.items():
            answer = answers[key]
            if what not in answer.get("passes", case.passes):
                continue  # an engine that only infers
            point = _checked(Point(name, case, what, key[0], key[1], own=entry.own), answer, entry)
            group.append(point)
            if point.status == records.TIMED:
                slices[len(group) - 1] = crew.slice(entry, key[1], what)
        for index, outcome in _rounds(slices, group, settings.seconds or suite.seconds, settings.rounds).items():
            if isinstance(outcome, str):
                group[index].status, group[index].note = records.FAILED, outcome
            else:
                group[index].rounds = outcome
        yield group


def _checked(point: Point, answer: Mapping[str, object], entry: Contender) -> Point:
    """The point with the status that the preparation came to."""
    for status, word in ((records.FAILED, "failed"), (records.LEFT_OUT, "left_out")):
        if word in answer:
            point.status, point.note = status, str(answer[word])
            return point
    errors = answer["errors"]
    assert isinstance(errors, dict)
    point.error = errors.get(point.what)
    if point.error is not None and not point.error <= entry.tolerance:
        point.status = records.WRONG
    elif point.error is None and any(not error <= entry.tolerance for error in errors.values()):
        # A pass that repeats one that was checked, and was wrong.
        point.status = records.WRONG
    return point


def _rounds(
    slices: Mapping[int, Slice], group: list[Point], seconds: float, rounds: tuple[int, int]
) -> dict[int, list[float] | str]:
    """The times of each round by the point's place in the group, or why there are none."""
    names = {str(index): slice_ for index, slice_ in slices.items()}
    failed: dict[int, list[float] | str] = {}
    while names:
        base = next((name for name in names if group[int(name)].contender == CHOSEN), None)
        enough: Callable[[Times], bool] = ratios_are_close(base) if base else lambda times: False
        try:
            times = interleave_slices(names, seconds=seconds, rounds=rounds, enough=enough)
            return {**failed, **{int(name): values for name, values in times.items()}}
        except WorkerError as error:  # begins again without the one that fails
            place = next(i for i, p in enumerate(group) if (p.contender, p.threads) == (error.contender, error.threads))
            failed[place] = str(error)
            del names[str(place)]
    return failed


def _memory(
    name: str, suite: Suite, case: Case, entries: Entries, settings: Settings, crew: Crew
) -> Iterator[list[Point]]:
    """Each repetition in a fresh process."""
    group = []
    for key, entry in entries.items():
        point = Point(name, case, BOTH, key[0], key[1], unit="B", own=entry.own)
        group.append(point)
        for _ in range(MEMORY_REPETITIONS):
            crew.end_workers()
            answer = crew.peak(entry, key[1], case)
            _checked(point, answer, entry)
            if point.status != records.TIMED:
                break
            point.rounds.append(answer["bytes"])
    crew.end_workers()
    yield group
