"""Train a sentiment classifier on the IMDB film reviews.

Embedding, SimpleRNN, Dense with sigmoid; RMSprop on the binary cross-entropy. Saves plots of loss and accuracy over
the epochs, or with --sweep trains every combination of several values and compares accuracy and run time.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import fields

from rnnfast import plots
from rnnfast.commands import sweep
from rnnfast.commands.imdb_model import OPTIONS, Settings, build, load, train
from rnnfast.commands.options import add_common, require

EXAMPLE = 123
"""The training review that is printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    for name, option in OPTIONS.items():
        if name != "seed":
            flag = "--" + name.replace("_", "-")
            parser.add_argument(flag, type=option.parse, default=getattr(Settings, name), help=option.help)
    add_common(parser)
    sweep.add_argument(parser)


def run(arguments: argparse.Namespace) -> None:
    """Trains once, or sweeps."""
    settings = Settings(**{field.name: getattr(arguments, field.name) for field in fields(Settings)})
    if arguments.sweep:
        sweep.run(settings, arguments.sweep, arguments.out)
        return
    require("matplotlib")
    reviews = load(settings)
    print(len(reviews.x_train), "train sequences")
    print(len(reviews.x_test), "test sequences")
    print("x_train shape:", reviews.x_train.shape)
    print("x_test shape:", reviews.x_test.shape)
    print(f"x_train[{EXAMPLE}]:")
    print(reviews.x_train[EXAMPLE])
    model = build(settings)
    model.summary()
    curves = train(model, reviews, settings)
    print("Test score:", curves.test_loss[-1])
    print("Test accuracy:", curves.test_accuracy[-1])
    median, longest = statistics.median(curves.seconds), max(curves.seconds)
    print(f"Seconds of training an epoch: median {median:.2f}, longest {longest:.2f}")
    loss, accuracy = arguments.out / "imdb_loss.png", arguments.out / "imdb_accuracy.png"
    plots.train_and_test(
        loss, curves.train_loss, curves.test_loss, title="Binary Cross-Entropy Loss", ylabel="Binary Cross-Entropy"
    )
    plots.train_and_test(
        accuracy, curves.train_accuracy, curves.test_accuracy, title="Test Accuracy", ylabel="Accuracy"
    )
    print(f"Plots: {loss}, {accuracy}")
