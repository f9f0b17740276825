"""Train a character language model on Python's own reference text, and time the kernels.

The text is the one that Python's help() shows (pydoc_data.topics), so that nothing is downloaded. Training stops when
its time is up, or with --epochs after so many passes; the learning rate falls as it goes. Then the model writes a
passage, and the forward and backward kernels are timed against the NumPy reference.
"""

from __future__ import annotations

import argparse

from rnnfast import plots
from rnnfast.commands import kernel_table
from rnnfast.commands.language_progress import train
from rnnfast.commands.options import Failure, add_out, integer, number, require, size
from rnnfast.language_model import Settings, Training

SECONDS = 30.0
START, PASSAGE = "The ", 500
TIMING_SECONDS = 8.0
"""For all kernels together; less where the training is shorter."""


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
    settings = Settings(hidden=arguments.hidden, seed=arguments.seed, epochs=arguments.epochs or 1)
    training = Training(reference_text(), settings)
    console.print(
        f"Python's reference text: {len(training.train_text):,} characters to train on, "
        f"{len(training.held_out_text):,} held out"
    )
    training.model.network.summary(console.print)
    # The Dense layer's products go through NumPy's BLAS, whose threads wait for each other by spinning: where another
    # process has one of the cores, two are several times slower than one.
    with threadpool_limits(1, user_api="blas"):
        points = train(training, console, seconds=None if arguments.epochs else arguments.seconds)
    console.print(f"\nA passage by the model, temperature {arguments.temperature:g}:\n")
    passage = training.model.sample(PASSAGE, prompt=START, temperature=arguments.temperature, seed=arguments.seed)
    console.print(passage, "\n", soft_wrap=True)
    seconds = min(TIMING_SECONDS, arguments.seconds) / len(kernel_table.CASES)
    console.print(kernel_table.table(row for case in kernel_table.CASES for row in kernel_table.measure(case, seconds)))
    plot = arguments.out / "demo.png"
    plots.train_and_test(
        plot,
        [point.train.bits_per_character for point in points],
        [point.held_out.bits_per_character for point in points],
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
