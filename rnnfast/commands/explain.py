"""Say what a plan would do with a problem, and why: the backend, the kernel of each direction, its expected times."""

from __future__ import annotations

import argparse

import rnnfast
from rnnfast.backends import REGISTRY
from rnnfast.backends.gpu_chips import CHIPS
from rnnfast.commands.options import BadOption, activation, one_of, size
from rnnfast.problem import ARITHMETIC, PRECISIONS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The problem."""
    parser.add_argument("--hidden", type=size, required=True, help="units of the layer")
    parser.add_argument("--input", type=size, help="features of a step; as many as the hidden units if absent")
    parser.add_argument("--batch", type=size, default=32, help="sequences")
    parser.add_argument("--seq-len", type=size, default=100, help="steps")
    parser.add_argument("--dtype", type=one_of(*ARITHMETIC), default="float32", help="of x and y")
    parser.add_argument("--activation", type=activation, default="tanh", help="of the layer")
    parser.add_argument("--precision", type=one_of(*PRECISIONS), default="highest", help="of float32 products")
    parser.add_argument(
        "--backend", type=one_of("auto", *REGISTRY), default="auto", help=f"auto, {', '.join(REGISTRY)}"
    )
    parser.add_argument("--device", help=f"a GPU that need not be there: {', '.join(CHIPS)}")
    parser.add_argument("--variant", default="auto", help="auto, or a kernel of the backend; rnnfast info lists them")


def run(arguments: argparse.Namespace) -> None:
    """Prints it."""
    try:
        plan = rnnfast.plan(
            seq_len=arguments.seq_len,
            batch=arguments.batch,
            input_size=arguments.input or arguments.hidden,
            hidden_size=arguments.hidden,
            dtype=arguments.dtype,
            activation=arguments.activation,
            precision=arguments.precision,
            backend=arguments.backend,
            device=arguments.device,
            variant=arguments.variant,
        )
    except (ValueError, RuntimeError) as error:
        raise BadOption(str(error)) from error
    print(plan.explain())
