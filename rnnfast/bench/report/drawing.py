"""Figures in the page's style, and the files that they become."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnfast.bench.peers import CHOSEN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK, FAINT, PAPER = "#1b2733", "#c8d0d8", "#fdfefe"
# What the page's style sheet gives another colour in the dark.
_VARIABLES = {INK: "var(--ink)", FAINT: "var(--faint)", PAPER: "var(--paper)"}

CHOSEN_COLOUR = "#e03131"
# Seen on white and on black; neighbours differ for colour-blind eyes, too.
_OWN_COLOURS = ("#f08c00", "#ae3ec9", "#e8709a", "#b08968", "#fcc419")
_PEER_COLOURS = ("#4c7ef3", "#12a37f", "#8a63d2", "#22a7c2", "#7c9a16", "#8b95a1", "#2f9e44", "#c77d3a", "#5f6fb5")
_MARKERS = "osD^vPX<>*hp"

WIDTH = 5.2
"""Inches: on a phone the text is still large enough."""


@dataclass(frozen=True)
class Plot:
    """A figure as the files that it becomes.

    Attributes:
        name: of the files, without their suffix.
        title: above it.
        caption: what it shows, in a sentence or two.
        svg: for a file of its own.
        inline: the same for the page: its colours follow the page's, its width is that of its place.
        png: pixels.
    """

    name: str
    title: str
    caption: str
    svg: str
    inline: str
    png: bytes


@dataclass(frozen=True)
class Style:
    """How a contender is drawn, the same in every plot of a page."""

    color: str
    marker: str
    linewidth: float
    linestyle: str
    zorder: float

    def line(self) -> dict[str, Any]:
        """For `plot` and `errorbar`."""
        return {
            "color": self.color,
            "marker": self.marker,
            "markersize": 4,
            "linewidth": self.linewidth,
            "linestyle": self.linestyle,
            "zorder": self.zorder,
        }


def styles(contenders: Iterable[tuple[str, bool]]) -> dict[str, Style]:
    """For contenders by name, and whether they are kernels of rnnfast."""
    found: dict[str, Style] = {}
    counts = {True: 0, False: 0}
    for name, own in contenders:
        if name in found:
            continue
        if name == CHOSEN:
            found[name] = Style(CHOSEN_COLOUR, "o", 2.2, "-", 4)
            continue
        colours, place = (_OWN_COLOURS, counts[True]) if own else (_PEER_COLOURS, counts[False])
        counts[own] += 1
        marker = _MARKERS[1 + len(found) % (len(_MARKERS) - 1)]
        found[name] = Style(colours[place % len(colours)], marker, 1.2, "--" if own else "-", 3 if own else 2)
    return found


@contextmanager
def figure(height: float, columns: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of the page's width, `height` inches high, with axes side by side."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look: Any = {
        "font.size": 9,
        "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
        "svg.fonttype": "none",
        "text.color": INK,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "axes.facecolor": "none",
    }
    with matplotlib.rc_context(look):
        drawn = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn, list(drawn.subplots(1, columns, squeeze=False)[0])


def finish(drawn: Figure, name: str, title: str, caption: str) -> Plot:
    """The figure's files. Call it where the figure was made, so that its look still holds."""
    import matplotlib

    svg, png = io.StringIO(), io.BytesIO()
    # Identifiers must not repeat those of another figure on the page.
    with matplotlib.rc_context({"svg.hashsalt": name}):
        drawn.savefig(svg, format="svg", metadata={"Date": None}, facecolor="white")
    drawn.savefig(png, format="png", dpi=160, facecolor="white")
    return Plot(name, title, caption, svg.getvalue(), _inline(svg.getvalue(), name, title), png.getvalue())


def legend(drawn: Figure, axes: Axes, order: Iterable[str]) -> None:
    """What the lines are, below the plot, in this order."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    labels = [label for label in order if label in handles]
    drawn.legend([handles[label] for label in labels], labels, loc="outside lower center", ncols=3)


def logarithmic(axis: Axis, unit: str) -> None:
    """Marks at 1, 2 and 5 of each decade where there are few decades, else at 1; numbers with the unit."""
    from matplotlib.ticker import EngFormatter, LogLocator

    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if high < 200 * low else (1,)))
    axis.set_major_formatter(EngFormatter(unit) if unit != "x" else "{x:g}x")


def _inline(svg: str, name: str, title: str) -> str:
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    opening = rf'<svg viewBox="\1" role="img" aria-label="{title}">'
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', opening, svg, count=1)
    # Groups and clips are named by their place in the figure, which every figure has.
    svg = re.sub(r'id="([\w.]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(xlink:href="#|url\(#)([\w.]+)', rf"\1{name}-\2", svg).replace("xlink:href", "href")
    # The figure's own background.
    svg = re.sub(r"fill: #ffffff(?=[;\"])", "fill: none", svg, count=1)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg
