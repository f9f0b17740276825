"""Which kernel is the fastest over hidden size and batch, and how near to it the plan's choice is."""

from __future__ import annotations

from collections.abc import Iterator

from rnnfast.bench import records
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Point, Result
from rnnfast.bench.report.drawing import FAINT, Plot, figure, finish, styles

_DEDICATED = "variants"


def heat_map(result: Result) -> Iterator[Plot]:
    """A map for each pass, where at least two hidden sizes and two batches were timed with several kernels."""
    groups = [group for group in result.groups() if group[0].case.kind == "layer"]
    groups = [group for group in groups if group[0].suite == _DEDICATED] or groups
    own = {point.contender: point.own for point in result.points}
    colours = {name: style.color for name, style in styles(own.items()).items()}
    for what in dict.fromkeys(group[0].what for group in groups):
        cells: dict[tuple[int, int], tuple[Point, float | None]] = {}
        for group in groups:
            timed = [p for p in group if p.own and p.status == records.TIMED and p.unit == "s"]
            kernels = [point for point in timed if point.contender != CHOSEN]
            if group[0].what != what or len(kernels) < 2 or len({point.threads for point in timed}) > 1:
                continue
            best = min(kernels, key=lambda point: point.median.value)
            base = records.base_of(timed)
            behind = None if base is None else records.ratio(base, best).value
            case = best.case
            cells.setdefault((case.hidden_size, case.batch), (best, behind))
        hidden, batches = (sorted({key[axis] for key in cells}) for axis in (0, 1))
        if len(hidden) > 1 and len(batches) > 1:
            yield _map(what, cells, hidden, batches, colours)


def _map(
    what: str,
    cells: dict[tuple[int, int], tuple[Point, float | None]],
    hidden: list[int],
    batches: list[int],
    colours: dict[str, str],
) -> Plot:
    from matplotlib.patches import Rectangle

    with figure(1.2 + 0.45 * len(batches)) as (drawn, (axes,)):
        for (h, b), (best, behind) in cells.items():
            place = hidden.index(h), batches.index(b)
            axes.add_patch(Rectangle(place, 1, 1, facecolor=colours[best.contender], edgecolor=FAINT, linewidth=0.8))
            text = best.contender.rpartition("/")[2] + ("" if behind is None else f"\n{behind:.2f}x")
            axes.text(place[0] + 0.5, place[1] + 0.5, text, ha="center", va="center", fontsize=6.5, color="black")
        axes.set_xlim(0, len(hidden))
        axes.set_ylim(0, len(batches))
        axes.set_xticks([place + 0.5 for place in range(len(hidden))], list(map(str, hidden)))
        axes.set_yticks([place + 0.5 for place in range(len(batches))], list(map(str, batches)))
        axes.tick_params(length=0)
        axes.set(xlabel="hidden size H", ylabel="batch B")
        for side in axes.spines.values():
            side.set_visible(False)
        caption = "The fastest kernel of rnnfast, and the time of the plan's own choice over its time."
        name = "best-variant-" + what.replace("+", "-")
        return finish(drawn, name, f"{what.capitalize()}: the best kernel over hidden size and batch", caption)
