"""The profile of a problem as JSON, as a trace, and as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from rnnfast.problem import Problem
from rnnfast.profiler.bounds import Bound, Peaks
from rnnfast.profiler.native import OVERHEAD, PhaseEvent
from rnnfast.profiler.page import write_page
from rnnfast.profiler.passes import PassProfile, PhaseRow
from rnnfast.profiler.report import Report

PEAKS = Peaks(100.0, {"16 KB": 100.0, "256 KB": 90.0, "8 MB": 50.0, "128 MB": 10.0})
START = 5_000_000_000


def made_up(variant: str, direction: str) -> PassProfile:
    """10 ms: 1 packing, 6 recurrence, 2 waiting, 1 outside; another thread with half the work."""
    way = "recurrence" if direction == "forward" else "backward recurrence"
    rows = [
        PhaseRow("packing", 1e-3, [1e-3, 0.0], None, 12.5, Bound("latency", None, 0.125)),
        PhaseRow(way, 6e-3, [6e-3, 3e-3], 80.0, 3.0, Bound("compute", 0.8, 0.03)),
        PhaseRow("waiting", 2e-3, [2e-3, 5e-3], None, None, Bound("barrier", None, None)),
        PhaseRow(OVERHEAD, 1e-3, [1e-3, 0.0], None, None, Bound("overhead", None, None)),
    ]
    events = [
        PhaseEvent(3, "packing", START + 1000, START + 1_001_000, 1_000_000),
        PhaseEvent(7, way, START + 2_000_000, START + 5_000_000, 3_000_000),
    ]
    counters = {"cycles": 2000.0, "instructions": 3000.0, "L1 data misses": 4.0, "last-level misses": 5.0}
    return PassProfile(
        variant,
        direction,
        10e-3,
        12,
        rows,
        [(7e-3, 2e-3), (3e-3, 5e-3)],
        2,
        "cpu/panel <on> 2 threads",
        ["something: part of another"] if direction == "backward" else [],
        counters if variant == "panel" else None,
        events,
        START,
        3,
        0 if variant == "panel" else 9,
    )


@pytest.fixture
def report() -> Report:
    passes = [made_up(variant, way) for variant in ("panel", "stationary") for way in ("forward", "backward")]
    problem = Problem(seq_len=100, batch=32, input_size=20, hidden_size=128)
    return Report(problem, 2, PEAKS, passes, "no <PMU>", "cpu/panel\nforward: panel & more", {"lanes": "up to 64"})


def test_json(report: Report, tmp_path: Path) -> None:
    report.write_json(tmp_path / "profile.json")
    found = json.loads((tmp_path / "profile.json").read_text())
    assert found["problem"]["hidden_size"] == 128
    assert found["peaks_per_thread"] == {"gflop_per_s": 100.0, "gb_per_s": dict(PEAKS.gb_per_s)}
    assert found["left_out"] == {"lanes": "up to 64"}
    assert [(one["variant"], one["direction"]) for one in found["passes"]] == [
        (one.variant, one.direction) for one in report.passes
    ]
    first = found["passes"][0]
    assert sum(row["seconds"] for row in first["rows"]) == pytest.approx(first["wall"])
    assert first["rows"][1]["bound"] == {"name": "compute", "compute": 0.8, "memory": 0.03}
    assert first["threads"] == [{"work": 7e-3, "waiting": 2e-3}, {"work": 3e-3, "waiting": 5e-3}]
    assert first["balance"] == pytest.approx((7 + 3) / 2 / 7)
    assert first["counters"]["instructions"] == 3000
    assert "events" not in first


def test_trace(report: Report, tmp_path: Path) -> None:
    report.write_trace(tmp_path / "trace.json")
    found = json.loads((tmp_path / "trace.json").read_text())
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in found["traceEvents"]
        if event["name"] == "thread_name"
    }
    assert names[1, 3] == "caller"
    assert names[4, 7] == "worker 7"
    processes = [event["args"]["name"] for event in found["traceEvents"] if event["name"] == "process_name"]
    assert processes == ["panel forward", "panel backward", "stationary forward", "stationary backward"]
    packing = [event for event in found["traceEvents"] if event["name"] == "packing"]
    assert len(packing) == 4
    assert (packing[0]["ph"], packing[0]["ts"], packing[0]["dur"]) == ("X", 1.0, 1000.0)
    assert packing[0]["args"] == {"own_us": 1000.0}
    assert found["otherData"]["dropped"] == 18


def test_the_page_has_every_figure(report: Report, tmp_path: Path) -> None:
    write_page(tmp_path / "profile.html", report)
    text = (tmp_path / "profile.html").read_text()
    assert "&lt;on&gt;" not in text  # explanations of variants are not here, the plan's own choice is
    assert "forward: panel &amp; more" in text
    assert "no &lt;PMU&gt;" in text
    assert "lanes is not here: up to 64" in text
    assert "3,000 instructions" in text
    assert "1.50 instructions a cycle" in text
    assert "something: part of another" in text
    assert "9 events found no room" in text
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", text.split("<h2>Phases</h2>")[1])
    cells = [[unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]
    assert ["packing", "1.00 ms", "10%", "1.00 ms", "", "", "12.5", "12%", "latency"] in cells
    assert ["recurrence", "6.00 ms", "60%", "9.00 ms", "80.0", "80%", "3.0", "3.0%", "compute"] in cells
    assert [OVERHEAD, "1.00 ms", "10%", "1.00 ms", "", "", "", "", "overhead"] in cells


@pytest.mark.parametrize(
    ("options", "ink"),
    [
        (("--window-size=1300,900",), "rgb(27, 39, 51)"),
        (("--window-size=500,900", "--blink-settings=preferredColorScheme=0"), "rgb(230, 235, 240)"),
    ],
    ids=["desk, light", "narrow, dark"],
)
def test_in_a_browser(
    report: Report, tmp_path: Path, browse: Callable[..., dict[str, Any]], options: tuple[str, ...], ink: str
) -> None:
    write_page(tmp_path / "profile.html", report)
    found = browse(tmp_path / "profile.html", *options, heading="time")
    assert found["errors"] == []
    assert found["ink"] == ink
    assert found["wide"] <= found["room"]
    assert [plot["name"] for plot in found["plots"]] == [
        f"{kind}-{way}" for way in ("forward", "backward") for kind in ("phases", "threads")
    ]
    for plot in found["plots"]:
        assert plot["width"] > 300
        assert plot["height"] > 100
        assert plot["inside"]
        assert plot["shapes"] > 10
        assert plot["text"] == ink
    assert found["sorts"][1][1] == ["1.00 ms", "1.00 ms", "2.00 ms", "6.00 ms"]
