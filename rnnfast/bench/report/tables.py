"""The tables under the plots, and the summary above them, as HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from rnnfast.bench import records, words
from rnnfast.bench.intervals import Interval
from rnnfast.bench.records import Point, Result

_CLASSES = {records.TIMED: "", records.WRONG: "bad", records.FAILED: "bad", records.LEFT_OUT: "out"}


class Cell(NamedTuple):
    """What a cell shows, and the number that it is sorted by; None: by its text."""

    text: str
    value: float | None = None


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], classes: Sequence[str] = ()) -> str:
    """A table that sorts by the heading that is pressed."""
    numbers = [cell.value is not None for cell in rows[0]] if rows else [False] * len(headings)
    head = "".join(
        f'<th scope="col"{" class=number" if number else ""}><button type="button">{escape(text)}</button></th>'
        for text, number in zip(headings, numbers, strict=True)
    )
    body = "".join(
        f'<tr class="{escape(kind)}">' + "".join(map(_cell, row)) + "</tr>"
        for row, kind in zip(rows, classes or [""] * len(rows), strict=True)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def suite_table(result: Result, suite: str) -> str:
    """Every point of a suite."""
    peak = result.machine["multiply_add"].get(str(result.settings["threads"]))
    rows, classes = [], []
    for group in result.groups():
        if group[0].suite != suite:
            continue
        base = records.base_of(group)
        for point in group:
            rows.append(list(_row(point, base, peak)))
            classes.append("own" if point is base else _CLASSES[point.status])
    headings = ("B, T, I, H", "pass", "contender", "threads", "median", "95% from", "to", "GFLOP/s", "of peak")
    return table((*headings, "times rnnfast", "from", "to", "error", "rounds", "remark"), rows, classes)


def summary(result: Result) -> str:
    """Over each peer the geometric mean of the speed-ups, by pass, with the least and the greatest."""
    found: dict[tuple[str, str], list[float]] = {}
    for group in result.groups():
        base = records.base_of(group)
        for point in group:
            if base and not point.own and point.status == records.TIMED and point.unit == "s":
                found.setdefault((point.contender, point.what), []).append(records.ratio(point, base).value)
    rows = []
    passes = list(dict.fromkeys(what for _, what in found))
    for (contender, what), ratios in sorted(found.items(), key=lambda entry: (passes.index(entry[0][1]), entry[0][0])):
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        figures = [Cell(f"{value:.3g}x", value) for value in (mean, min(ratios), max(ratios))]
        rows.append([Cell(contender), Cell(what), *figures, Cell(str(len(ratios)), len(ratios))])
    if not rows:
        return "<p>No peer was timed.</p>"
    return table(("peer", "pass", "geometric mean", "least", "greatest", "cases"), rows)


def _row(point: Point, base: Point | None, peak: float | None) -> Iterator[Cell]:
    case = point.case
    yield Cell(str(case), case.forward_flops)
    yield Cell("peak memory" if point.unit == "B" else point.what)
    yield Cell(point.contender)
    yield Cell(str(point.threads), point.threads)
    timed = point.status == records.TIMED
    yield from _interval(point.median if timed else None, lambda value: words.amount(value, point.unit))
    rate = point.gflop_per_s if timed else None
    yield Cell("", math.inf) if rate is None else Cell(f"{rate:.1f}", rate)
    yield Cell("", math.inf) if rate is None or not peak else Cell(f"{rate / peak:.0%}", rate / peak)
    yield from _interval(records.ratio(point, base) if timed and base else None, lambda value: f"{value:.3g}")
    yield Cell("", math.inf) if point.error is None else Cell(f"{point.error:.1e}", point.error)
    yield Cell(str(len(point.rounds)), len(point.rounds))
    yield Cell(words.status(point))


def _interval(interval: Interval | None, show) -> Iterator[Cell]:  # type: ignore[no-untyped-def]
    yield from [Cell("", math.inf)] * 3 if interval is None else [Cell(show(value), value) for value in interval]


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return f"<td>{escape(cell.text)}</td>"
    return f'<td class="number" data-value="{cell.value!r}">{escape(cell.text)}</td>'
