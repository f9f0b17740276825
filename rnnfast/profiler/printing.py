"""What `rnnfast profile` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from rnnfast.bench.report.tables import Cell
from rnnfast.profiler import words
from rnnfast.profiler.report import Report

LEAST_WIDTH = 100
"""Columns that a table takes: on a narrower terminal its lines are folded, and nothing is left out."""


def report(result: Report) -> None:
    """The variants side by side, then each pass by phase."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, LEAST_WIDTH)
    console.print(f"{result.sizes}\n{words.peaks_in_words(result.peaks, result.threads, result.device)}", markup=False)
    for one in result.passes:
        console.print()
        console.print(_table(words.title(one), words.phase_headings(one), words.phase_cells(one)))
        for remark in words.remarks(one):
            console.print(f"  {remark}", markup=False)
    console.print()
    console.print(_table("All of them", words.variant_headings(result.passes), words.variant_cells(result.passes)))
    console.print(words.bound_in_words(), markup=False)
    console.print(f"\nThe plan's own choice: {result.choice}", markup=False)
    if result.no_counters:
        console.print(f"No hardware counters: {result.no_counters}", markup=False)
    for name, reason in result.left_out.items():
        console.print(f"{name} is not here: {reason}", markup=False)


def _table(title: str, headings: Sequence[str], rows: Iterable[list[Cell]]) -> Table:
    found = [*rows]
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place, heading in enumerate(headings):
        number = any(row[place].value is not None for row in found)
        table.add_column(heading, justify="right" if number else "left", no_wrap=True)
    for row in found:
        table.add_row(*(cell.text for cell in row))
    return table
