"""The roofline (Williams, Waterman & Patterson 2009): what arithmetic and memory allow, and where each variant is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from rnnfast.bench import records
from rnnfast.bench.cases import Case
from rnnfast.bench.peaks import threads_in_words
from rnnfast.bench.records import Result
from rnnfast.bench.report.drawing import INK, Plot, Style, figure, finish, legend

_LINES = ("-", "--", "-.", ":")


def roofline(result: Result, look: dict[str, Style]) -> Iterator[Plot]:
    """Every kernel on every case as a point: operations for each byte that must be moved once, and GFLOP/s.

    The bytes are arguments and results, read or written once, so that a point cannot lie above the roof of the level
    that they come from; weights that are read again at every step are not counted.
    """
    points = [
        point
        for point in result.points
        if point.own and point.status == records.TIMED and type(point.case) is Case and point.unit == "s"
    ]
    if not points:
        return
    counts = sorted({point.threads for point in points})
    threads = str(counts[-1]) if str(counts[-1]) in result.machine["multiply_add"] else "1"
    peak = result.machine["multiply_add"][threads]
    with figure(4.4) as (drawn, (axes,)):
        intensities = [point.case.flops(point.what) / point.case.least_bytes(point.what) for point in points]
        span = np.geomspace(min(0.25, *intensities), max(64, *intensities) * 1.5, 200)
        roofs = {}
        for (size, rates), linestyle in zip(result.machine["read"].items(), itertools.cycle(_LINES)):
            label = f"reads, {size}: {rates[threads]:.0f} GB/s"
            roofs[label] = axes.plot(
                span, np.minimum(peak, rates[threads] * span), label=label, color=INK, linewidth=1, linestyle=linestyle
            )
        axes.annotate(
            f"{peak:.0f} GFLOP/s, {threads_in_words(int(threads))}",
            (span[-1], peak),
            (0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=7,
        )
        for contender, style in look.items():
            mine = [(i, point) for i, point in zip(intensities, points, strict=True) if point.contender == contender]
            if mine:
                axes.scatter(
                    [i for i, _ in mine],
                    [point.gflop_per_s or 0.0 for _, point in mine],
                    s=20,
                    color=style.color,
                    marker=style.marker,
                    alpha=0.8,
                    linewidths=0,
                    label=contender,
                    zorder=style.zorder,
                )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=10)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.set(xlabel="operations for each byte of arguments and results", ylabel="GFLOP/s")
        axes.grid(visible=True)
        legend(drawn, axes, (*look, *roofs))
        caption = (
            "Every kernel on every case, forward and forward + backward, below the measured roofs: multiply-adds in "
            "registers, and reads from buffers of these sizes. Bytes are counted once, weights that are read again at "
            "every step are not."
        )
        yield finish(drawn, "roofline", "Roofline", caption)
