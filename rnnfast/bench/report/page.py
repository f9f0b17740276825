"""The page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources

from rnnfast.bench.peaks import threads_in_words
from rnnfast.bench.records import Result
from rnnfast.bench.report.drawing import Plot
from rnnfast.bench.report.tables import suite_table, summary
from rnnfast.bench.suites import SUITES

# The browser itself refuses anything from elsewhere.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

METHOD = """
<p>Every contender's results are compared with a reference in float64 before it is timed; one that is wrong is shown as
wrong, not fast. The contenders of a case take turns, round by round, each in a process of its framework, with the same
number of threads; in a round each runs for a slice of time of which the later half counts. Rounds go on until the 95%
bootstrap interval of every ratio is within 5% of it, or the time is up; intervals are in the tables. Ratios are of
medians over the same rounds.</p>
"""


def page(result: Result, plots: Sequence[Plot]) -> str:
    """The report of one result."""
    suites = "".join(
        f"<h3>{escape(name)}: {escape(SUITES[name].about if name in SUITES else '')}</h3>{suite_table(result, name)}"
        for name in result.suites()
    )
    machine = result.machine
    subtitle = f"{machine['processor']}, {machine['isa']}, commit {machine['commit'] or 'unknown'}, {machine['time']}"
    return document(
        "rnnfast benchmarks",
        f"<h1>rnnfast benchmarks</h1><p>{escape(subtitle)}; {threads_in_words(result.settings['threads'])} each.</p>"
        f"<h2>Speed-up over each peer</h2>{summary(result)}"
        f"<h2>Plots</h2>{figures(plots)}"
        f"<h2>All figures</h2>{suites}"
        f"<h2>Method</h2>{METHOD}"
        f"<h2>Machine</h2>{_machine(result)}",
    )


def history_page(results: Sequence[Result], plots: Sequence[Plot]) -> str:
    """The results of one machine over commits."""
    processor = results[-1].machine["processor"]
    return document(
        "rnnfast history",
        f"<h1>rnnfast over commits</h1><p>{escape(processor)}, {len(results)} results.</p>{figures(plots)}",
    )


def document(title: str, body: str) -> str:
    """A page of that body, with the style and the sorting of tables."""
    style, script = (resources.files(__package__).joinpath(f"page.{kind}").read_text() for kind in ("css", "js"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{body}<script>{script}</script></body></html>\n"
    )


def figures(plots: Sequence[Plot]) -> str:
    """The plots with their titles and captions, side by side where there is room."""
    drawn = "".join(
        f'<figure id="{plot.name}"><h3>{escape(plot.title)}</h3>{plot.inline}'
        f"<figcaption>{escape(plot.caption)}</figcaption></figure>"
        for plot in plots
    )
    return f'<div class="plots">{drawn}</div>'


def _machine(result: Result) -> str:
    known = result.machine
    entries = {name: known[name] for name in ("processor", "system", "cores", "caches")}
    entries["instruction sets"] = f"{', '.join(known['isas'])}; used: {known['isa']}"
    entries["multiply-add"] = _rates(known["multiply_add"], "GFLOP/s")
    entries |= {f"reads, {size}": _rates(rates, "GB/s") for size, rates in known["read"].items()}
    entries["versions"] = ", ".join(f"{name} {version}" for name, version in known["versions"].items())
    entries["commit"] = known["commit"] or "unknown"
    entries["time"] = known["time"]
    for name, packages in result.settings.get("lacking", {}).items():
        entries[name] = f"left out, not installed: {', '.join(packages)}"
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(str(v))}</dd>" for k, v in entries.items()) + "</dl>"


def _rates(rates: dict[str, float], unit: str) -> str:
    return ", ".join(f"{rate:.0f} {unit} with {threads_in_words(int(count))}" for count, rate in rates.items())
