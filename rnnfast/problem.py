"""What is to be computed: the sizes and options that a plan is made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnfast.cell_options import EPSILON

if TYPE_CHECKING:
    from rnnfast.pointwise import Activation

DTYPES = ("float32", "float64")
ARITHMETIC = {**dict(zip(DTYPES, DTYPES, strict=True)), "bfloat16": "float32", "float16": "float32"}
"""What is computed with, by the dtype of x, y and their gradients; weights and single states have it too."""

PRECISIONS = ("highest", "high", "medium")
MASKED_OUTPUTS = ("zero", "hold")
CELL_OPTIONS = ("recurrent_dropout", "zoneout", "layer_norm")


@dataclass(frozen=True)
class Problem:
    """One recurrent layer over one batch: sizes, the dtype of x, y and their gradients, and options.

    Every field is checked on construction, so that a backend may rely on it. With `heads` the recurrent weights are
    block-diagonal, with so many blocks: 1 is dense, `hidden_size` a diagonal.

    Raises:
        ValueError: a size below 1, heads that do not divide hidden_size, or an option that is not one of those known.
        TypeError: a size that is no integer, or a flag that is no bool.
    """

    seq_len: int
    batch: int
    input_size: int
    hidden_size: int
    dtype: str = "float32"
    activation: str | Activation = "tanh"
    reverse: bool = False
    bptt_steps: int | None = None
    precision: str = "highest"
    clip: float | None = None
    masked_output: str = "zero"
    heads: int = 1
    recurrent_dropout: bool = False
    zoneout: bool = False
    layer_norm: bool = False
    epsilon: float = EPSILON

    def __post_init__(self) -> None:
        from rnnfast import pointwise

        for name in ("seq_len", "batch", "input_size", "hidden_size", "heads"):
            check_size(name, getattr(self, name))
        check_heads(self.heads, "hidden_size", self.hidden_size)
        check_option("dtype", self.dtype, tuple(ARITHMETIC))
        pointwise.get(self.activation).rounded_to(self.arithmetic)
        pointwise.check_clip(self.clip, self.arithmetic)
        check_option("precision", self.precision, PRECISIONS)
        check_option("masked_output", self.masked_output, MASKED_OUTPUTS)
        for name in ("reverse", *CELL_OPTIONS):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise TypeError(f"{name}: expected a bool, got {getattr(self, name)!r}")
        check_positive("epsilon", self.epsilon)
        if self.bptt_steps is not None:
            check_size("bptt_steps", self.bptt_steps)

    @property
    def arithmetic(self) -> str:
        """The dtype of everything that is computed, of the weights, and of h0, h_n and their gradients."""
        return ARITHMETIC[self.dtype]

    @property
    def cell_options(self) -> tuple[str, ...]:
        """Those of CELL_OPTIONS that the cell has; a plain one has none."""
        return tuple(name for name in CELL_OPTIONS if getattr(self, name))


def check_size(name: str, value: object) -> None:
    """Raise unless `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{name}: expected at least 1, got {value}")


def check_heads(heads: int, name: str, units: int) -> None:
    """Raise unless so many heads can share out `units`, the value of the argument `name`."""
    if units % heads:
        raise ValueError(f"heads: expected a divisor of {name} = {units}, got {heads}")


def check_positive(name: str, value: object) -> None:
    """Raise unless `value` is a finite number above 0."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    if not 0 < value < np.inf:
        raise ValueError(f"{name}: expected a finite number above 0, got {value}")


def check_option(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise unless `value` is one of the known words."""
    if value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {value!r}")
