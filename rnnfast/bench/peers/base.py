"""What a contender is."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from rnnfast.typing import Array

FLOAT32_TOLERANCE, BFLOAT16_TOLERANCE = 1e-2, 1e-1
"""Of the norm of the right result: a wrong one is off by its own size.

Rounding alone comes to 1e-6 in float32, but for relu, whose derivative jumps: of the largest case's pre-activations so
many round to the other side of 0 that every contender's gradients are off by 1e-3. For the same reason there is no
bound on each element.
"""


class NotHere(Exception):
    """A contender cannot run on this machine, or does not take this case; the message says why."""


def as_arrays(result: Any) -> Sequence[Array | None]:
    """A result that is an array, or several, in the layout of the kernels."""
    return [np.asarray(value) for value in (result if isinstance(result, tuple) else (result,))]


class Ready(NamedTuple):
    """A contender that is set up for a case.

    Attributes:
        calls: by pass, what is timed: what it returns is finished when it returns.
        arrays: turns what a call returned into NumPy arrays in the order and layout of `Case.expected`; None for one
            that the contender does not give.
    """

    calls: Mapping[str, Callable[[], Any]]
    arrays: Callable[[Any], Sequence[Array | None]] = as_arrays


Prepare = Callable[[Any, Mapping[str, Array], int], Ready]


@dataclass(frozen=True)
class Contender:
    """A row of the table.

    Attributes:
        name: unique.
        process: contenders with the same one share a process.
        prepare: by kind of case that it takes (layer, model, memory): sets it up for a case, its arrays and a number
            of threads. Raises NotHere.
        packages: that it imports.
        tolerance: how far its results may be off, of their norm.
        environment: of its process.
        own: a kernel of rnnfast.
        on_gpu: its arrays lie there.
    """

    name: str
    process: str
    prepare: Mapping[str, Prepare]
    packages: tuple[str, ...] = ()
    tolerance: float = FLOAT32_TOLERANCE
    environment: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
    on_gpu: bool = False

    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return [package for package in self.packages if importlib.util.find_spec(package) is None]
