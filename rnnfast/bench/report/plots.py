"""The plots of a report: which figures a result gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rnnfast.bench import records
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Point, Result
from rnnfast.bench.report.drawing import INK, Plot, Style, figure, finish, legend, logarithmic, styles
from rnnfast.bench.report.heat_map import heat_map
from rnnfast.bench.report.roofline import roofline
from rnnfast.bench.suites import SUITES

AXES = {
    "hidden_size": "hidden size H",
    "seq_len": "sequence length T",
    "batch": "batch B",
    "threads": "threads",
}
_SIZES = ("batch", "seq_len", "input_size", "hidden_size")
_LETTERS = dict(zip(_SIZES, "BTIH", strict=True))


def plots(result: Result) -> Iterator[Plot]:
    """All that the result has points for: suites along an axis as lines, the others as bars; roofline, heat map."""
    look = styles((point.contender, point.own) for point in result.points)
    for name in result.suites():
        points = [point for point in result.points if point.suite == name and point.status == records.TIMED]
        axis = SUITES[name].axis if name in SUITES else None
        for what in dict.fromkeys(point.what for point in points):
            passing = [point for point in points if point.what == what]
            if axis == "threads":
                for number, case in enumerate(dict.fromkeys(point.case for point in passing)):
                    of_case = [point for point in passing if point.case == case]
                    yield lines(of_case, axis, look, f"{_slug(name, what)}-{number + 1}", str(case))
            elif axis and len({getattr(point.case, axis) for point in passing}) > 1:
                yield lines(passing, axis, look, _slug(name, what))
            else:
                yield from bars(passing, look, _slug(name, what))
    yield from roofline(result, look)
    yield from heat_map(result)


def lines(points: Sequence[Point], axis: str, look: dict[str, Style], name: str, case: str = "") -> Plot:
    """Time or memory against a size, both logarithmic; bars are 95% intervals."""
    unit, what, suite = points[0].unit, points[0].what, points[0].suite

    def place(point: Point) -> float:
        return float(point.threads if axis == "threads" else getattr(point.case, axis))

    with figure(4.3) as (drawn, (axes,)):
        for contender, style in look.items():
            own = sorted((point for point in points if point.contender == contender), key=place)
            if not own:
                continue
            medians = [point.median for point in own]
            values = [median.value for median in medians]
            below = [max(0.0, median.value - median.low) for median in medians]
            above = [max(0.0, median.high - median.value) for median in medians]
            axes.errorbar(
                list(map(place, own)), values, yerr=(below, above), label=contender, capsize=2, **style.line()
            )
        axes.set_xscale("log", base=2 if axis != "seq_len" else 10)
        axes.set_yscale("log")
        ticks = sorted(set(map(place, points)))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set(xlabel=AXES[axis], ylabel="memory" if unit == "B" else "time")
        logarithmic(axes.yaxis, unit)
        axes.grid(visible=True)
        legend(drawn, axes, look)
        kind = "Peak memory" if unit == "B" else f"{what.capitalize()}: time"
        title = f"{kind} against {AXES[axis]}" + (f" at {case}" if case else "")
        caption = f"Suite {suite}; {_fixed(points, axis)}; medians with 95% intervals; lower is better."
        return finish(drawn, name, title, caption)


def bars(points: Sequence[Point], look: dict[str, Style], name: str) -> Iterator[Plot]:
    """How many times faster rnnfast is than each peer, case by case; whiskers are 95% intervals."""
    groups = Result({}, {}, list(points)).groups()
    compared = [(base, [p for p in group if not p.own]) for group in groups if (base := records.base_of(group))]
    compared = [(base, peers) for base, peers in compared if peers]
    if not compared:
        return
    rows = sum(len(peers) + 1 for _, peers in compared)
    with figure(1.3 + 0.17 * rows) as (drawn, (axes,)):
        row, labels, seen = 0.0, [], set()
        for base, peers in compared:
            labels.append((row + (len(peers) - 1) / 2, str(base.case)))
            for point in sorted(peers, key=lambda peer: list(look).index(peer.contender)):
                value, low, high = records.ratio(point, base)
                style = look[point.contender]
                axes.barh(
                    row,
                    value - 1,
                    left=1,
                    height=0.8,
                    color=style.color,
                    xerr=([value - low], [high - value]),
                    error_kw={"ecolor": INK, "elinewidth": 0.8, "capsize": 1.5},
                    label=None if point.contender in seen else point.contender,
                )
                seen.add(point.contender)
                axes.annotate(
                    f"{value:.3g}x", (max(high, 1), row), (4, 0), textcoords="offset points", va="center", fontsize=7
                )
                row += 1
            row += 1
        axes.set_xscale("log")
        axes.axvline(1, color=INK, linewidth=1)
        axes.set_ylim(row - 1, -1)
        axes.set_yticks([place for place, _ in labels], [_two_lines(label) for _, label in labels])
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.15)
        axes.set(xlabel="times faster than the peer", ylabel="B, T, I, H")
        axes.minorticks_off()
        logarithmic(axes.xaxis, "x")
        axes.grid(visible=True, axis="x")
        legend(drawn, axes, look)
        first = points[0]
        title = f"{first.what.capitalize()}: speed-up over each peer"
        caption = f"Suite {first.suite}; the peer's time over that of {CHOSEN}, with 95% intervals."
        yield finish(drawn, name, title, caption)


def history_plots(results: Sequence[Result]) -> Iterator[Plot]:
    """The times of rnnfast's own choice over the results of one machine, a line for each case."""
    found: dict[tuple[str, str], dict[str, list[tuple[int, Point]]]] = {}
    for place, result in enumerate(results):
        for point in result.points:
            if point.contender == CHOSEN and point.status == records.TIMED and point.unit == "s":
                cases = found.setdefault((point.suite, point.what), {})
                cases.setdefault(f"{point.case}, {point.threads} threads", []).append((place, point))
    for (suite, what), cases in found.items():
        look = styles((case, case not in list(cases)[::2]) for case in cases)
        with figure(4.3) as (drawn, (axes,)):
            for case, points in cases.items():
                medians = [point.median for _, point in points]
                axes.errorbar(
                    [place for place, _ in points],
                    [median.value for median in medians],
                    yerr=([m.value - m.low for m in medians], [m.high - m.value for m in medians]),
                    label=case,
                    capsize=2,
                    **look[case].line(),
                )
            axes.set_yscale("log")
            shown = range(0, len(results), max(1, math.ceil(len(results) / 12)))
            axes.set_xticks(list(shown), [str(results[place].machine["commit"] or "?") for place in shown], rotation=45)
            axes.set(xlabel="commit", ylabel="time")
            axes.minorticks_off()
            logarithmic(axes.yaxis, "s")
            axes.grid(visible=True)
            legend(drawn, axes, look)
            caption = "Medians with 95% intervals of each saved run, by B, T, I, H and threads."
            yield finish(
                drawn, _slug("history", suite, what), f"{what.capitalize()}: suite {suite} over commits", caption
            )


def _fixed(points: Sequence[Point], axis: str) -> str:
    """The sizes that do not vary."""
    cases: set[Case] = {point.case for point in points}
    sizes = [
        f"{_LETTERS[size]} = {next(iter(values))}"
        for size in _SIZES
        if len(values := {getattr(case, size) for case in cases}) == 1 and size != axis
    ]
    if len({case.input_size == case.hidden_size for case in cases}) == 1 and not any("I =" in size for size in sizes):
        sizes.append("I = H")
    if axis != "threads":
        sizes.append(f"threads = {points[0].threads}")
    return ", ".join(sizes)


def _two_lines(label: str) -> str:
    """ "32, 100, 256,\n256" for narrow margins."""
    parts = label.split(" ")
    return " ".join(parts[:2]) + "\n" + " ".join(parts[2:])


def _slug(*words: str) -> str:
    return "-".join(words).replace("+", "-").replace(" ", "-")
