"""Say what a plan would do with a problem, and why: the backend, the kernel of each direction, its expected times."""

from __future__ import annotations

import argparse

import rnnfast
from rnnfast.backends import REGISTRY
from rnnfast.backends.gpu_chips import CHIPS
from rnnfast.commands.options import BadOption, add_problem, one_of, problem_of
from rnnfast.problem import ARITHMETIC


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The problem."""
    add_problem(parser, tuple(ARITHMETIC))
    parser.add_argument(
        "--backend", type=one_of("auto", *REGISTRY), default="auto", help=f"auto, {', '.join(REGISTRY)}"
    )
    parser.add_argument("--device", help=f"a GPU that need not be there: {', '.join(CHIPS)}")
    parser.add_argument("--variant", default="auto", help="auto, or a kernel of the backend; rnnfast info lists them")


def run(arguments: argparse.Namespace) -> None:
    """Prints it."""
    try:
        plan = rnnfast.plan(
            backend=arguments.backend, device=arguments.device, variant=arguments.variant, **problem_of(arguments)
        )
    except (ValueError, RuntimeError) as error:
        raise BadOption(str(error)) from error
    print(plan.explain())
