"""What a run of suites comes to, and its form in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rnnfast.bench import intervals
from rnnfast.bench.cases import Case
from rnnfast.bench.intervals import Interval
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.seed_models import SeedModel
from rnnfast.files import write_whole

FORMAT = 1
TIMED, WRONG, FAILED, LEFT_OUT = "timed", "wrong", "failed", "left out"
_KINDS = {kind.kind: kind for kind in (Case, SeedModel)}


@dataclass
class Point:
    """One contender on one pass of one case.

    Attributes:
        status: TIMED, WRONG (checked, off by `error`, not timed), FAILED or LEFT_OUT (`note` says why).
        error: how far its results are from the reference in float64, as a part of their norm; None: not compared.
        rounds: seconds of each round, or bytes of each repetition.
        unit: "s" or "B".
        own: a kernel of rnnfast.
    """

    suite: str
    case: Case
    what: str
    contender: str
    threads: int
    status: str = TIMED
    note: str = ""
    error: float | None = None
    rounds: list[float] = field(default_factory=list)
    unit: str = "s"
    own: bool = False

    @property
    def median(self) -> Interval:
        """Of the rounds."""
        return intervals.of_median(self.rounds)

    @property
    def gflop_per_s(self) -> float | None:
        """Of the products; None where none were counted."""
        if self.unit != "s" or type(self.case) is not Case or not self.rounds:
            return None
        return self.case.flops(self.what) / self.median.value / 1e9

    @property
    def group(self) -> tuple[str, str, str]:
        """Suite, case and pass: what contenders are compared in."""
        return self.suite, str(self.case), self.what


@dataclass
class Result:
    """A run: the machine, how it was timed, and the points in the order in which they came."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    points: list[Point] = field(default_factory=list)

    def groups(self) -> Iterator[list[Point]]:
        """The points of each suite, case and pass, in order."""
        found: dict[tuple[str, str, str], list[Point]] = {}
        for point in self.points:
            found.setdefault(point.group, []).append(point)
        yield from found.values()

    def suites(self) -> list[str]:
        """The names of its suites, in order."""
        return list(dict.fromkeys(point.suite for point in self.points))


def base_of(group: Sequence[Point]) -> Point | None:
    """The point that the others of a group are compared with: the plan's choice on the fewest threads."""
    own = [point for point in group if point.contender == CHOSEN and point.status == TIMED]
    return min(own, key=lambda point: point.threads, default=None)


def ratio(point: Point, base: Point) -> Interval:
    """How many times as long as the base's its time is; the rounds of both were interleaved."""
    return intervals.of_ratio(point.rounds, base.rounds)


def case_of(record: dict[str, Any]) -> Case:
    """The case that `Case.record` made."""
    kind = _KINDS[record["kind"]]
    return kind(**{name: value for name, value in record.items() if name != "kind"})


def write(path: Path, result: Result) -> None:
    """The result as JSON, whole or not at all. Medians and ratios stand beside the rounds, for other readers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(to_json(result), indent=1) + "\n").encode())


def read(path: Path) -> Result:
    """What `write` wrote.

    Raises:
        ValueError: the file is something else. OSError: it cannot be read.
    """
    try:
        return from_json(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: expected a result of rnnfast bench, format {FORMAT}: {error}") from error


def to_json(result: Result) -> dict[str, Any]:
    """As `from_json` reads it."""
    points = []
    for group in result.groups():
        base = base_of(group)
        points += [_point_to_json(point, base) for point in group]
    return {"format": FORMAT, "machine": result.machine, "settings": result.settings, "points": points}


def from_json(record: dict[str, Any]) -> Result:
    """What `to_json` made. ValueError, KeyError or TypeError: something else did."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ValueError("no such format")
    names = {entry.name for entry in fields(Point)}
    points = [
        Point(**{**{name: value for name, value in point.items() if name in names}, "case": case_of(point["case"])})
        for point in record["points"]
    ]
    return Result(record["machine"], record["settings"], points)


def _point_to_json(point: Point, base: Point | None) -> dict[str, Any]:
    record = {entry.name: getattr(point, entry.name) for entry in fields(Point)} | {"case": point.case.record()}
    if point.rounds:
        record["median"] = point.median._asdict()
        record["gflop_per_s"] = point.gflop_per_s
        if base and base.unit == point.unit:
            record["ratio_to_rnnfast"] = ratio(point, base)._asdict()
    return record
