"""The profile of one problem as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from rnnfast.bench.report.drawing import FAINT, INK, Plot, figure, finish
from rnnfast.bench.report.page import document, figures
from rnnfast.bench.report.tables import table
from rnnfast.files import write_whole
from rnnfast.machine import processor_name
from rnnfast.profiler import words
from rnnfast.profiler.native import OVERHEAD, PHASES
from rnnfast.profiler.passes import DIRECTIONS, PassProfile
from rnnfast.profiler.report import Report

# Seen on white and on black; what is no work is grey.
COLOURS = {
    "packing": "#8a63d2",
    "input projection": "#4c7ef3",
    "recurrence": "#e03131",
    "activation": "#f08c00",
    "backward recurrence": "#e03131",
    "recomputation": "#b08968",
    "weight gradients": "#12a37f",
    "input gradient": "#22a7c2",
    "waiting": "#8b95a1",
    OVERHEAD: "#54616e",
}


def write_page(path: Path, report: Report) -> None:
    """OSError: the folder cannot be written to."""
    write_whole(path, page(report).encode())


def page(report: Report) -> str:
    """All of it: plots, the variants side by side, each pass by phase, the plan."""
    rates = "Rates are of the whole GPU." if report.device else "Rates are of one thread at work."
    parts = [
        f"<h1>Where the time goes</h1><p>{escape(report.sizes)}. {escape(report.device or processor_name())}.</p>",
        f"<p>{escape(words.peaks_in_words(report.peaks, report.threads, report.device))}.</p>",
        f"<h2>Plots</h2>{figures([*plots(report)])}",
        f"<h2>Variants</h2>{table(words.variant_headings(report.passes), [*words.variant_cells(report.passes)])}",
        f"<h2>Phases</h2><p>{escape(words.bound_in_words())} {rates}</p>",
    ]
    for one in report.passes:
        remarks = "".join(f"<li>{escape(remark)}</li>" for remark in words.remarks(one))
        parts.append(
            f"<h3>{escape(words.title(one))}</h3>{table(words.phase_headings(one), [*words.phase_cells(one)])}"
        )
        parts.append(f"<ul>{remarks}</ul>")
    parts.append(f"<h2>What the plan chooses</h2><ul>{_lines(report.choice)}</ul>")
    if report.no_counters:
        parts.append(f"<p>No hardware counters: {escape(report.no_counters)}.</p>")
    parts += [f"<p>{escape(f'{name} is not here: {reason}')}.</p>" for name, reason in report.left_out.items()]
    return document("rnnfast profile", "".join(parts))


def plots(report: Report) -> Iterator[Plot]:
    """For each pass: the phases of the variants, then what their threads did."""
    for direction in DIRECTIONS:
        passes = [one for one in report.passes if one.direction == direction]
        if passes:
            yield phases(passes, direction)
            if not report.device:
                yield threads(passes, direction)


def phases(passes: list[PassProfile], direction: str) -> Plot:
    """A bar for each variant, of what the calling thread spent in each phase."""
    with figure(1.3 + 0.4 * len(passes)) as (drawn, (axes,)):
        seen = [name for name in (*PHASES, OVERHEAD) if any(row.name == name for one in passes for row in one.rows)]
        left = [0.0] * len(passes)
        for name in seen:
            spent = [sum(row.seconds for row in one.rows if row.name == name) * 1e6 for one in passes]
            axes.barh([one.variant for one in passes], spent, left=left, label=name, color=COLOURS[name], height=0.62)
            left = [before + now for before, now in zip(left, spent, strict=True)]
        for place, one in enumerate(passes):
            axes.annotate(
                f" {one.wall * 1e6:,.0f}",
                (left[place], place),
                va="center",
                fontsize=8,
                color=INK,
                annotation_clip=False,
            )
        axes.margins(x=0.12)
        axes.invert_yaxis()
        axes.set(xlabel="µs a call")
        axes.grid(axis="x")
        drawn.legend(loc="outside lower center", ncols=3)
        return finish(
            drawn,
            f"phases-{direction}",
            f"{direction.capitalize()}: phases",
            "What the calling thread spends in each phase; with the call overhead they add up to the time of a call.",
        )


def threads(passes: list[PassProfile], direction: str) -> Plot:
    """A bar for each thread of each variant: at work, waiting, and neither."""
    each = [(one, number) for one in passes for number in range(len(one.threads))]
    names = [f"{one.variant}, {f'thread {number}' if number else 'caller'}" for one, number in each]
    work, waiting = ([one.threads[number][field] * 1e6 for one, number in each] for field in (0, 1))
    wall = [one.wall * 1e6 for one, _ in each]
    with figure(1.1 + 0.3 * len(each)) as (drawn, (axes,)):
        axes.barh(names, wall, color=FAINT, height=0.62, label="neither")
        axes.barh(names, work, color=COLOURS["input gradient"], height=0.62, label="at work")
        axes.barh(names, waiting, left=work, color=COLOURS["waiting"], height=0.62, label="waiting")
        axes.invert_yaxis()
        axes.set(xlabel="µs a call")
        axes.grid(axis="x")
        drawn.legend(loc="outside lower center", ncols=3)
        return finish(
            drawn,
            f"threads-{direction}",
            f"{direction.capitalize()}: threads",
            "What each thread does in the time of a call. Neither: not in the kernels, asleep or off its processor.",
        )


def _lines(text: str) -> str:
    return "".join(f"<li>{escape(line.strip())}</li>" for line in text.splitlines())
