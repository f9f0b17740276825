"""What options have in common: their types, their errors, and what a command needs before it begins."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import rnnfast
from rnnfast.backends import REGISTRY, find
from rnnfast.pointwise import ACTIVATIONS
from rnnfast.problem import PRECISIONS


class Failure(Exception):
    """A command cannot go on; the message says why, and what to do. Exit code 1."""


class BadOption(Exception):
    """An option that only the command itself could find wrong; the message names it. Exit code 2."""


class Option(NamedTuple):
    """An option by the type of its value and its help."""

    parse: Callable[[str], Any]
    help: str


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help with the defaults, where there are any."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and which takes no abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help, "allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; {self.prog} --help lists the options\n")


def integer(low: int) -> Callable[[str], int]:
    """The type of an option that takes an integer of at least `low`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"expected an integer of at least {low}, got {text!r}")
        return value

    return parse


def number(low: float, high: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """The type of an option that takes a finite number in low..high, without low itself if `above`."""
    wanted = f"a number {'above' if above else 'of at least'} {low:g}"
    if high < math.inf:
        wanted += f" and at most {high:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and low <= value <= high) or (above and value == low):
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}")
        return value

    return parse


def one_of(*known: str) -> Callable[[str], str]:
    """The type of an option that takes one of these words."""

    def parse(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(known)}, got {text!r}")
        return text

    return parse


size = integer(1)
activation = one_of(*ACTIVATIONS)


def backend_of(*known: str) -> Callable[[str], str]:
    """The type of `--backend`: one of these names, of a backend that runs here."""

    def parse(text: str) -> str:
        name = one_of(*known)(text)
        try:
            find(name)
        except RuntimeError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix("backend: ")) from error
        return name

    return parse


backend = backend_of("auto", *REGISTRY)


def add_problem(parser: argparse.ArgumentParser, dtypes: tuple[str, ...]) -> None:
    """The sizes and the kind of one recurrent layer over one batch."""
    parser.add_argument("--hidden", type=size, required=True, help="units of the layer")
    parser.add_argument(
        "--input-size", "--input", type=size, help="features of a step; as many as the hidden units if absent"
    )
    parser.add_argument("--batch", type=size, default=32, help="sequences")
    parser.add_argument("--seq-len", type=size, default=100, help="steps")
    parser.add_argument("--dtype", type=one_of(*dtypes), default="float32", help="of x and y")
    parser.add_argument("--activation", type=activation, default="tanh", help="of the layer")
    parser.add_argument("--precision", type=one_of(*PRECISIONS), default="highest", help="of float32 products")


def problem_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_problem` read, as the arguments of `rnnfast.plan`."""
    return {
        "seq_len": arguments.seq_len,
        "batch": arguments.batch,
        "input_size": arguments.input_size or arguments.hidden,
        "hidden_size": arguments.hidden,
        "dtype": arguments.dtype,
        "activation": arguments.activation,
        "precision": arguments.precision,
    }


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options that every training has."""
    parser.add_argument("--seed", type=integer(0), default=0, help="of initial weights, order and dropout")
    parser.add_argument("--backend", type=backend, default="auto", help=f"auto, {', '.join(REGISTRY)}")
    add_out(parser)


def add_out(parser: argparse.ArgumentParser) -> None:
    """Where the files of a command go."""
    parser.add_argument("--out", type=folder, default=Path("out"), metavar="DIR", help="folder for the plots")


def folder(text: str) -> Path:
    """The type of `--out`: a folder that exists or can be made; it is made when there is something to put into it."""
    path = Path(text)
    nearest = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not nearest.is_dir():
        raise argparse.ArgumentTypeError(f"expected a folder, got {text!r}: {nearest} is none")
    if not os.access(nearest, os.W_OK):
        raise argparse.ArgumentTypeError(f"expected a folder that can be written to, got {text!r}")
    return path


def file(text: str) -> Path:
    """The type of `--checkpoint`: a file in a folder as `folder` takes it, there or not."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"expected a file, got the folder {text!r}")
    return folder(str(path.parent)) / path.name


def require(*modules: str) -> None:
    """Failure unless these can be imported, and the kernels can run: better now than after the training."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise Failure(f"this command needs {' and '.join(missing)}: pip install 'rnnfast[train]'")
    try:
        rnnfast.isa()
    except RuntimeError as error:
        raise Failure(str(error)) from error
