"""The page as a file, and as a browser shows it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnfast.bench import records
from rnnfast.bench.records import Result
from rnnfast.bench.report import write_history, write_report

SUITES = ("quick", "hidden", "memory")
Browse = Callable[..., dict[str, Any]]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, made_up: Callable[..., Result]) -> tuple[Path, Result]:
    result = made_up(*SUITES)
    return write_report(tmp_path_factory.mktemp("report"), result), result


class Reader(HTMLParser):
    """Counts identifiers and collects what the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attributes:
            if name == "id":
                self.ids[value or ""] += 1
            if name in ("src", "href", "data", "action", "xlink:href"):
                self.links.append(value or "")


def test_it_needs_nothing_else(report: tuple[Path, Result]) -> None:
    text = report[0].read_text()
    page = Reader()
    page.feed(text)
    assert max(page.ids.values()) == 1
    assert page.links
    for link in page.links:  # within the page alone: marks and clips of the plots
        assert link.startswith("#")
        assert link[1:] in page.ids
    for target in re.findall(r"url\(([^)]*)\)", text):
        assert target[1:] in page.ids
    assert "@import" not in text
    assert page.tags["figure"] == page.tags["svg"] == len(list((report[0].parent / "plots").glob("*.svg")))


def test_what_the_machine_says_is_text(report: tuple[Path, Result]) -> None:
    text = report[0].read_text()
    assert "A Processor &lt;1 GHz&gt; &amp; more" in text
    assert "<script>" not in text.replace("<script>// Tables", "")
    assert "takes hidden_size up to 64 &lt;script&gt;" in text
    assert "left out, not installed: openvino" in text


def test_every_plot_is_a_file(report: tuple[Path, Result], png_size: Callable[[Path], tuple[int, int]]) -> None:
    plots = report[0].parent / "plots"
    names = {path.stem for path in plots.glob("*.svg")}
    assert names == {path.stem for path in plots.glob("*.png")}
    passes = ("forward", "forward-backward")
    assert names == {"roofline"} | {f"{kind}-{what}" for kind in (*SUITES, "best-variant") for what in passes}
    for name in names:
        assert png_size(plots / f"{name}.png")[0] == 832
        root = ElementTree.parse(plots / f"{name}.svg").getroot()
        assert root.tag == SVG + "svg"
        assert len(root.findall(f".//{SVG}text")) > 5


def test_the_table_has_every_point(report: tuple[Path, Result]) -> None:
    text, result = report[0].read_text(), report[1]
    rows = re.findall(r'<tr class="(\w*)">(.*?)</tr>', text.split("All figures")[1])
    assert len(rows) == len(result.points)
    for (kind, row), point in zip(rows, result.points, strict=True):
        cells = [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        assert cells[0] == str(point.case)
        assert cells[2] == point.contender
        assert (kind == "bad") == (point.status == records.WRONG)
        assert (kind == "out") == (point.status == records.LEFT_OUT)
        median = re.findall(r'data-value="([^"]*)"', row)[2]
        assert float(median) == (np.median(point.rounds) if point.rounds else np.inf)
        assert ("WRONG: off by 0.5" in cells[-1]) == (point.status == records.WRONG)


def test_wrong_results_are_in_no_plot(made_up: Callable[..., Result], tmp_path: Path) -> None:
    result = made_up("quick")
    for point in result.points:
        if point.contender == "torch":
            point.status = records.WRONG
    page = write_report(tmp_path, result)
    svg = (page.parent / "plots" / "quick-forward.svg").read_text()
    assert "JAX scan" in svg
    assert "torch" not in svg


def test_no_peer(made_up: Callable[..., Result], tmp_path: Path) -> None:
    result = made_up("quick")
    result.points = [point for point in result.points if point.own]
    text = write_report(tmp_path, result).read_text()
    assert "No peer was timed" in text
    assert "<svg" in text  # the roofline and the map


def test_history(made_up: Callable[..., Result], tmp_path: Path) -> None:
    results = [made_up("quick", seed=seed, commit=f"c0ffee{seed}") for seed in range(3)]
    page = write_history(tmp_path, results)
    assert page.name == "history.html"
    svg = (tmp_path / "plots" / "history-quick-forward.svg").read_text()
    for seed in range(3):
        assert f"c0ffee{seed}" in svg
    for case in dict.fromkeys(str(point.case) for point in results[0].points):
        assert f"{case}, 2 threads" in svg


@pytest.mark.parametrize(
    ("options", "ink"),
    [
        (("--window-size=1300,900",), "rgb(27, 39, 51)"),
        (("--window-size=500,900", "--blink-settings=preferredColorScheme=0"), "rgb(230, 235, 240)"),
    ],
    ids=["desk, light", "narrow, dark"],
)
def test_in_a_browser(report: tuple[Path, Result], browse: Browse, options: tuple[str, ...], ink: str) -> None:
    found = browse(report[0], *options)
    assert found["errors"] == []
    assert found["ink"] == ink
    assert found["wide"] <= found["room"]
    assert len(found["plots"]) == 9
    for plot in found["plots"]:
        assert plot["width"] > 300, plot
        assert plot["height"] > 100, plot
        assert plot["inside"], plot
        assert plot["shapes"] > 10, plot
        assert plot["text"] == ink, plot


def test_a_table_sorts(report: tuple[Path, Result], browse: Browse) -> None:
    page, result = report
    points = [point for point in result.points if point.suite == "quick"]
    before, (up, rising), (down, falling) = browse(page)["sorts"]
    assert (up, down) == ("ascending", "descending")
    assert sorted(before) == sorted(rising) == sorted(falling)
    empty = sum(not point.rounds for point in points)
    assert empty > 0
    assert rising[-empty:] == falling[-empty:] == [""] * empty
    scale = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1}
    times = [float(text.split()[0]) * scale[text.split()[1]] for text in rising[:-empty]]
    assert times == sorted(times)
    assert falling[:-empty] == rising[:-empty][::-1] or sorted(times, reverse=True)[0] == times[-1]
    names = browse(page, heading="contender")["sorts"]
    assert names[1][1] == sorted(names[0], key=str.casefold)
    assert names[2][1] == sorted(names[0], key=str.casefold, reverse=True)
