"""What changed between two results beyond the noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rnnfast.bench import intervals, records
from rnnfast.bench.intervals import Interval
from rnnfast.bench.records import Point, Result

LEAST = 0.05
"""A change must be at least so large: runs of the same code differ by as much from one hour to the next."""


class Change(NamedTuple):
    """How many times as long (or as large) a point is as it was, and whether that is beyond the noise."""

    point: Point
    ratio: Interval

    @property
    def beyond_noise(self) -> bool:
        """Whether the whole interval is on one side of 1, by at least LEAST."""
        return self.ratio.low > 1 + LEAST or self.ratio.high < 1 / (1 + LEAST)


def changes(old: Result, new: Result) -> Iterator[Change]:
    """For every point that both have, in the order of the new ones."""
    before = {_key(point): point for point in old.points if point.status == records.TIMED}
    for point in new.points:
        then = before.get(_key(point))
        if point.status == records.TIMED and then is not None:
            yield Change(point, intervals.of_ratio(point.rounds, then.rounds, paired=False))


def differences(old: Result, new: Result) -> list[str]:
    """What makes the two hard to compare, in words: another machine, other versions."""
    found = [
        f"{name}: {old.machine[name]} then, {new.machine[name]} now"
        for name in ("processor", "node", "cores", "isa")
        if old.machine.get(name) != new.machine.get(name)
    ]
    then, now = old.machine["versions"], new.machine["versions"]
    return found + [
        f"{package}: {then[package]} then, {now[package]} now"
        for package in then.keys() & now.keys()
        if package != "rnnfast" and then[package] != now[package]
    ]


def _key(point: Point) -> tuple[object, ...]:
    return *point.group, point.contender, point.threads
