"""Times, ratios and points in words."""

from __future__ import annotations

from rnnfast.bench import records
from rnnfast.bench.intervals import Interval
from rnnfast.bench.records import Point

_CLOSE = 0.05


def amount(value: float, unit: str) -> str:
    """Seconds in ns, µs, ms or s, bytes in KB, MB or GB, with three digits."""
    steps = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
    if unit == "B":
        steps = (("GB", 1e9), ("MB", 1e6), ("KB", 1e3), ("B", 1.0))
    name, step = next((step for step in steps if value >= step[1]), steps[-1])
    scaled = value / step
    return f"{scaled:.{max(0, 2 - len(str(int(scaled))) + 1)}f} {name}"


def times(interval: Interval, *, always: bool = False) -> str:
    """A ratio; its interval where that is wider than 5%, or always."""
    text = f"{interval.value:.3g}x"
    if always or interval.width > _CLOSE:
        text += f" ({interval.low:.3g} to {interval.high:.3g})"
    return text


def status(point: Point) -> str:
    """Why a point has no time; empty where it has one."""
    if point.status == records.TIMED:
        return ""
    if point.status == records.WRONG:
        return "WRONG" if point.error is None else f"WRONG: off by {point.error:.1g} of the norm"
    return f"{point.status}: {point.note}"


def contender(point: Point, *, threads: bool) -> str:
    """Its name, with the number of its threads where they vary."""
    return f"{point.contender}, {point.threads} threads" if threads else point.contender
