"""What `rnnfast train charlm` and `rnnfast train wordlm` have in common: all but their defaults."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnfast.backends import REGISTRY
from rnnfast.commands.language_progress import train
from rnnfast.commands.options import BadOption, Failure, Option, backend, file, integer, number, require, size
from rnnfast.datasets import text_file
from rnnfast.language_model import DEFAULTS, Training

OPTIONS: dict[str, Option] = {
    "epochs": Option(size, "passes over the text"),
    "hidden": Option(size, "units of a recurrent layer"),
    "layers": Option(size, "recurrent layers"),
    "embedding": Option(size, "length of a vector"),
    "dropout": Option(number(0, 0.99), "rate after every recurrent layer"),
    "vocabulary": Option(integer(2), "tokens to know, the most frequent ones"),
    "streams": Option(size, "parts of the text that are read side by side"),
    "bptt_steps": Option(size, "steps that the gradient reaches back"),
    "learning_rate": Option(number(0), "of Adam at first; it falls in a straight line"),
    "clipnorm": Option(number(0), "norm that the gradients are scaled down to"),
    "held_out": Option(number(0, 0.9, above=True), "part of the text, from its end, that is not learnt"),
    "seed": Option(integer(0), "of initial weights, dropout and sample"),
    "backend": Option(backend, f"auto, {', '.join(REGISTRY)}"),
}
"""By their names in `Settings`."""

COMMANDS = {"character": "charlm", "word": "wordlm"}


def add_arguments(parser: argparse.ArgumentParser, level: str) -> None:
    """The options. Those of the settings are None where they are not given: a checkpoint then has its own."""
    defaults = DEFAULTS[level]
    parser.add_argument("file", metavar="FILE", help="the text, in UTF-8, plain or as .gz")
    for name, option in OPTIONS.items():
        default = getattr(defaults, name)
        note = f"{option.help} (default: {'all' if default is None else default})"
        parser.add_argument("--" + name.replace("_", "-"), type=option.parse, help=note)
    parser.add_argument(
        "--tied",
        action=argparse.BooleanOptionalAction,
        help=f"input and output share their vectors (default: {'yes' if defaults.tied else 'no'})",
    )
    parser.add_argument(
        "--checkpoint",
        type=file,
        default=Path("out") / f"{COMMANDS[level]}.safetensors",
        metavar="FILE",
        help="written every ten seconds and at the end, over one that is there",
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, with its options")
    parser.add_argument("--sample", type=integer(0), default=500, metavar="N", help=f"{level}s to write in the end")
    parser.add_argument("--temperature", type=number(0, above=True), default=0.8, help="of the sample")
    parser.add_argument("--prompt", help="what the sample begins with (default: what is most frequent)")


def run(arguments: argparse.Namespace, level: str) -> None:
    """Trains, or goes on, and writes."""
    require("rich", "safetensors", "threadpoolctl")
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    console = Console(highlight=False, markup=False)
    try:
        text = text_file.read(arguments.file)
        training = resumed(arguments, text, level) if arguments.resume else begun(arguments, text, level)
    except ValueError as error:
        raise Failure(str(error)) from error
    vocabulary = training.model.vocabulary
    if arguments.prompt is not None and (not arguments.prompt or vocabulary.unknown(arguments.prompt)):
        raise BadOption(
            f"argument --prompt: expected known {level}s, got {vocabulary.unknown(arguments.prompt) or 'none'}"
        )
    console.print(
        f"{arguments.file}: {len(training.train_text):,} characters to train on, "
        f"{len(training.held_out_text):,} held out; {len(vocabulary):,} {level}s"
    )
    training.model.network.summary(console.print)
    if arguments.resume:
        console.print(f"Goes on after {training.steps / training.steps_per_epoch:.1f} passes")
    arguments.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    # The Dense layer's products go through NumPy's BLAS, whose threads wait for each other by spinning: where another
    # process has one of the cores, two are several times slower than one.
    with threadpool_limits(1, user_api="blas"):
        points = train(training, console, checkpoint=lambda: training.save(arguments.checkpoint))
        score = points[-1].held_out if points else training.held_out()
        console.print(
            f"Held out: perplexity {score.perplexity:.2f} a {level}, {score.bits_per_character:.3f} bits per character"
        )
        console.print(f"Checkpoint: {arguments.checkpoint}", soft_wrap=True)
        if arguments.sample:
            passage = training.model.sample(
                arguments.sample,
                prompt=arguments.prompt,
                temperature=arguments.temperature,
                seed=training.settings.seed,
            )
            console.print(f"\nBy the model, temperature {arguments.temperature:g}:\n\n{passage}", soft_wrap=True)


def begun(arguments: argparse.Namespace, text: str, level: str) -> Training:
    """A new training."""
    return Training(text, replace(DEFAULTS[level], **_given(arguments)))


def resumed(arguments: argparse.Namespace, text: str, level: str) -> Training:
    """The training in the checkpoint. BadOption for an option that it was begun without, but for --epochs."""
    given = _given(arguments)
    training = Training.resume(arguments.checkpoint, text, epochs=given.pop("epochs", None))
    if training.settings.level != level:
        raise Failure(
            f"{arguments.checkpoint}: expected the checkpoint of a {level} model, got that of a "
            f"{training.settings.level} model; rnnfast train {COMMANDS[training.settings.level]} goes on from it"
        )
    for name, value in given.items():
        has = getattr(training.settings, name)
        if value != has:
            raise BadOption(f"argument --{name.replace('_', '-')}: expected {has}, as in the checkpoint, got {value}")
    return training


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings among the options, without those that were left out."""
    return {name: value for name in (*OPTIONS, "tied") if (value := getattr(arguments, name)) is not None}
