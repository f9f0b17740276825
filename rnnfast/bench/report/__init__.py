"""Reports: a page with plots and tables, the plots also as files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnfast.bench.records import Result
from rnnfast.bench.report.drawing import Plot
from rnnfast.bench.report.page import history_page, page
from rnnfast.bench.report.plots import history_plots, plots
from rnnfast.files import write_whole


def write_report(folder: Path, result: Result) -> Path:
    """Writes index.html and plots/*.svg, *.png below `folder`; returns the page's path. OSError: it cannot."""
    drawn = list(plots(result))
    return _write(folder / "index.html", page(result, drawn), drawn)


def write_history(folder: Path, results: Sequence[Result]) -> Path:
    """Writes history.html and its plots below `folder`; returns the page's path. OSError: it cannot."""
    drawn = list(history_plots(results))
    return _write(folder / "history.html", history_page(results, drawn), drawn)


def _write(path: Path, text: str, drawn: Sequence[Plot]) -> Path:
    folder = path.parent / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    for plot in drawn:
        write_whole(folder / f"{plot.name}.svg", plot.svg.encode())
        write_whole(folder / f"{plot.name}.png", plot.png)
    write_whole(path, text.encode())
    return path
