"""Train a character language model on Python's own reference text, and time the kernels.

The text is the one that Python's help() shows (pydoc_data.topics), so that nothing is downloaded. Training stops when
its time is up, or with --epochs after so many passes; the learning rate falls as it goes. Then the model writes a
passage, and the forward and backward kernels are timed against the NumPy reference.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, NamedTuple

from rnnfast import plots
from rnnfast.commands import kernel_table
from rnnfast.commands.character_model import CharacterModel, Corpus
from rnnfast.commands.options import Failure, add_out, integer, number, require, size

if TYPE_CHECKING:
    from rich.console import Console

SECONDS = 30.0
MILESTONES = (1 / 32, 1 / 16, *(eighth / 8 for eighth in range(1, 9)))
"""Parts of the training after which figures are printed: at first, more happens."""
START, PASSAGE = "The ", 500
TIMING_SECONDS = 8.0
"""For all kernels together; less where the training is shorter."""


class Point(NamedTuple):
    """Bits per character after `epochs` passes, and fractions of one, over the text."""

    epochs: float
    train: float
    held_out: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=number(0, above=True), default=SECONDS, help="time to train for")
    budget.add_argument("--epochs", type=size, help="passes over the text, in place of a time")
    parser.add_argument("--hidden", type=size, default=192, help="units of the recurrent layer")
    parser.add_argument("--temperature", type=number(0, above=True), default=0.6, help="of the passage")
    parser.add_argument("--seed", type=integer(0), default=0, help="of the initial weights and the passage")
    add_out(parser)


def run(arguments: argparse.Namespace) -> None:
    """Trains, writes, times."""
    require("matplotlib", "rich", "threadpoolctl")
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    console = Console(highlight=False, markup=False)
    corpus = Corpus(reference_text())
    model = CharacterModel(corpus, hidden=arguments.hidden, seed=arguments.seed)
    console.print(
        f"Python's reference text: {len(corpus.train):,} characters to train on, {len(corpus.held_out):,} held out"
    )
    model.model.summary(console.print)
    # The Dense layer's products go through NumPy's BLAS, whose threads wait for each other by spinning: where another
    # process has one of the cores, two are several times slower than one.
    with threadpool_limits(1, user_api="blas"):
        points = train(model, arguments.seconds, arguments.epochs, console)
    console.print(f"\nA passage by the model, temperature {arguments.temperature:g}:\n")
    passage = model.sample(START, PASSAGE, temperature=arguments.temperature, seed=arguments.seed)
    console.print(passage, "\n", soft_wrap=True)
    seconds = min(TIMING_SECONDS, arguments.seconds) / len(kernel_table.CASES)
    console.print(kernel_table.table(row for case in kernel_table.CASES for row in kernel_table.measure(case, seconds)))
    plot = arguments.out / "demo.png"
    plots.train_and_test(
        plot,
        [point.train for point in points],
        [point.held_out for point in points],
        title="Character Language Model",
        ylabel="Bits per character",
        epochs=[point.epochs for point in points],
        labels=("Train", "Held out"),
    )
    console.print(f"Plot: {plot}", soft_wrap=True)


def reference_text() -> str:
    """The text, in ASCII. Failure where Python came without it."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise Failure(
            "the demo trains on the text of Python's help(), the module pydoc_data.topics, which this Python came "
            "without; use one from python.org, conda or your system's full package (python3-doc, libpython3-stdlib)"
        ) from error
    return "\n\n".join(topics.values()).encode("ascii", errors="ignore").decode("ascii")


def train(model: CharacterModel, seconds: float, epochs: int | None, console: Console) -> list[Point]:
    """Trains for so many passes, or for so many seconds where `epochs` is None; prints figures as it goes."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("Training"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[bits]}")
    # No refreshing thread beside those of the kernels.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=1.0, bits="")
        points: list[Point] = []
        bits: list[float] = []
        start = time.perf_counter()
        steps, done, next_refresh = 0, 0.0, 0.0
        steps_in_all = None if epochs is None else epochs * model.chunks_per_epoch
        while done < 1:
            for chunk_bits in model.epoch():
                bits.append(chunk_bits)
                steps += 1
                elapsed = time.perf_counter() - start
                done = min(1.0, elapsed / seconds if steps_in_all is None else steps / steps_in_all)
                model.anneal(done)
                if elapsed >= next_refresh:
                    progress.update(task, completed=done, bits=f"{bits[-1]:.2f} bits per character", refresh=True)
                    next_refresh = elapsed + 0.1
                if done >= MILESTONES[len(points)]:
                    points.append(Point(steps / model.chunks_per_epoch, sum(bits) / len(bits), model.held_out_bits()))
                    bits.clear()
                    console.print(_line(elapsed, points[-1]))
                if done >= 1:
                    break
        trained = time.perf_counter() - start
    characters = points[-1].epochs * model.characters_per_epoch
    console.print(f"{trained:.1f} s, {characters / trained:,.0f} characters a second")
    return points


def _line(elapsed: float, point: Point) -> str:
    return (
        f"{elapsed:5.1f} s, {point.epochs:5.1f} passes: "
        f"{point.train:.3f} bits per character, {point.held_out:.3f} held out"
    )
