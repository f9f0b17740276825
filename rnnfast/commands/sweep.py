"""`rnnfast train imdb --sweep`: every combination of several values, compared in a table and a plot."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from rnnfast import plots
from rnnfast.commands.epochs import Curves
from rnnfast.commands.imdb_model import NUMERIC, Settings, build, load, train
from rnnfast.commands.options import BadOption, require


class Axis(NamedTuple):
    """A setting, by its name in `Settings`, and the values that it takes."""

    name: str
    values: tuple[Any, ...]


def axis(text: str) -> Axis:
    """The type of `--sweep`: "hidden=5,16,64"."""
    shown, equals, values = text.partition("=")
    name = shown.removeprefix("--").replace("-", "_")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected name=value,value, got {text!r}")
    if name not in NUMERIC:
        known = ", ".join(NUMERIC).replace("_", "-")
        raise argparse.ArgumentTypeError(f"expected one of {known}, got {shown!r}")
    try:
        return Axis(name, tuple(NUMERIC[name].parse(value) for value in values.split(",")))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{shown}: {error}") from error


def add_argument(parser: argparse.ArgumentParser) -> None:
    """The option `--sweep`."""
    parser.add_argument(
        "--sweep",
        type=axis,
        nargs="+",
        metavar="NAME=VALUES",
        help="train every combination, e.g. maxlen=30,80 hidden=5,16,64; the other options hold for all",
    )


def run(settings: Settings, axes: Sequence[Axis], out: Path) -> None:
    """Trains all combinations; prints the table and saves the plot."""
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise BadOption(f"argument --sweep: expected each name once, got {' '.join(names)}")
    require("matplotlib", "rich")
    combinations = [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]
    results = []
    for number, combination in enumerate(combinations, start=1):
        own = replace(settings, **combination)
        curves = train(build(own), load(own), own, say=_silent)
        results.append(curves)
        print(
            f"{number}/{len(combinations)} {_label(combination)}: test accuracy {curves.test_accuracy[-1]:.4f}, "
            f"{sum(curves.seconds):.2f} s of training",
            flush=True,
        )
    _print_table(names, combinations, results)
    plot = out / "imdb_sweep.png"
    plots.accuracy_and_time(
        plot,
        [_label(combination) for combination in combinations],
        [curves.test_accuracy[-1] for curves in results],
        [sum(curves.seconds) for curves in results],
    )
    print(f"Plot: {plot}")


def _print_table(names: Sequence[str], combinations: Sequence[dict[str, Any]], results: Sequence[Curves]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    figures = ("train accuracy", "test accuracy", "test loss", "s/epoch", "s in all")
    for name in (*(name.replace("_", "-") for name in names), *figures):
        table.add_column(name, justify="right")
    for combination, curves in zip(combinations, results, strict=True):
        table.add_row(
            *(f"{value:g}" if isinstance(value, float) else str(value) for value in combination.values()),
            f"{curves.train_accuracy[-1]:.4f}",
            f"{curves.test_accuracy[-1]:.4f}",
            f"{curves.test_loss[-1]:.4f}",
            f"{sum(curves.seconds) / len(curves.seconds):.2f}",
            f"{sum(curves.seconds):.2f}",
        )
    Console().print(table)


def _label(combination: dict[str, Any]) -> str:
    return " ".join(f"{name.replace('_', '-')}={value}" for name, value in combination.items())


def _silent(line: str) -> None:
    """A line an epoch would be too much here."""
