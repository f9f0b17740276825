"""The command line: the parser, and who does what.

Exit codes: 0; 1 for something that is missing here (data, an extra, a folder that can be written to); 2 for a wrong
command, option or value; 130 for Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace, _SubParsersAction
from collections.abc import Sequence
from types import ModuleType

import rnnfast
from rnnfast.commands import (
    bench,
    demo,
    explain,
    info,
    profile,
    train_charlm,
    train_imdb,
    train_sms,
    train_wordlm,
    tune,
)
from rnnfast.commands.options import BadOption, Failure, Parser

# Each module has add_arguments(parser) and run(arguments); the first line of its docstring is the help.
COMMANDS: dict[str, ModuleType] = {
    "bench": bench,
    "demo": demo,
    "explain": explain,
    "info": info,
    "profile": profile,
    "tune": tune,
}
TRAIN: dict[str, ModuleType] = {
    "charlm": train_charlm,
    "imdb": train_imdb,
    "sms": train_sms,
    "wordlm": train_wordlm,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` (by default that of the process) asks for, and returns the exit code."""
    try:
        arguments = parser().parse_args(argv)
        try:
            arguments.run(arguments)
            sys.stdout.flush()
        except BadOption as error:
            arguments.parser.error(str(error))
        except (Failure, ImportError, OSError, MemoryError) as error:
            if isinstance(error, BrokenPipeError):
                return _reader_gone()
            print(f"{arguments.parser.prog}: {error}", file=sys.stderr)
            return 1
    except SystemExit as stop:  # argparse leaves this way; whoever calls main() gets the code all the same
        return int(stop.code or 0)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def parser() -> Parser:
    """The whole command line."""
    top = Parser(prog="rnnfast", description="Fast plain (Elman) recurrent networks.")
    top.add_argument("--version", action="version", version=f"rnnfast {rnnfast.__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    train = commands.add_parser("train", help="Train on a data set", description="Train on a data set.")
    data_sets = train.add_subparsers(metavar="DATASET", required=True)
    for name, module in TRAIN.items():
        _add(data_sets, name, module)
    for name, module in COMMANDS.items():
        _add(commands, name, module)
    return top


def _add(commands: _SubParsersAction[Parser], name: str, module: ModuleType) -> None:
    description = str(module.__doc__)
    parser = commands.add_parser(name, help=description.splitlines()[0].rstrip("."), description=description)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run, parser=parser)


def _reader_gone() -> int:
    """`rnnfast info | head`: nobody reads on, which is no failure of ours, but the interpreter would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


__all__ = ["Namespace", "main", "parser"]
