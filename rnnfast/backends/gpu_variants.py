"""The variants of the recurrence on a GPU, and the choice between them."""

from __future__ import annotations

from rnnfast.backends.gpu_block import Block
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_persistent import Persistent
from rnnfast.backends.gpu_recurrence import Choice
from rnnfast.backends.gpu_stepwise import Stepwise
from rnnfast.problem import Problem

VARIANTS: dict[str, type[Choice]] = {choice.name: choice for choice in (Stepwise, Block, Persistent)}
"""By name."""


def choose(problem: Problem, device: Device, variant: str) -> Choice:
    """The variant of that name, or for "auto" the one with the fewest clocks of those that take the problem there.

    Raises:
        ValueError: the variant asked for does not take it.
    """
    if variant != "auto":
        return VARIANTS[variant](problem, device)
    takers = [known(problem, device) for known in VARIANTS.values() if known.why_not(problem, device) is None]
    return min(takers, key=lambda choice: choice.clocks())
