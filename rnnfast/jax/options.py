"""What a call of the compiled kernels is told beside its arrays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rnnfast import _cpu, checks
from rnnfast.backends import REGISTRY
from rnnfast.backends.cpu import CpuPlan
from rnnfast.pointwise import Activation
from rnnfast.problem import DTYPES, Problem


class Options(NamedTuple):
    """The options of `rnnfast.jax.rnn`, fixed when a function is traced."""

    activation: Activation
    clip: float | None
    reverse: bool
    bptt_steps: int | None
    masked_output: str
    variant: str
    precision: str
    batch_first: bool

    def problem(self, x: Any, w_hh: Any, *, recurrent_dropout: bool) -> Problem:
        """For arrays, or what has their shape and dtype; ValueError or TypeError for what the kernels do not take."""
        if x.dtype.name not in DTYPES:
            raise TypeError(f"x: expected dtype {' or '.join(DTYPES)}, got {x.dtype}")
        fields = self._asdict()
        del fields["variant"], fields["batch_first"]
        sizes = checks.sizes(self.time_first("x", x.shape), w_hh.shape, x.dtype.name)
        return Problem(**sizes, **fields, recurrent_dropout=recurrent_dropout)

    def axes(self, name: str) -> tuple[str, ...]:
        """The axes of an array but w_hh, in the letters of `checks.AXES`."""
        return self.time_first(name, checks.AXES[name])

    def time_first(self, name: str, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
        """One value for each axis of an array, from the order that it has to time first, or the other way round."""
        if self.batch_first and checks.AXES.get(name, ())[:2] == ("T", "B"):
            return (*sizes[1::-1], *sizes[2:])
        return sizes


def attributes(problem: Problem, variant: str) -> dict[str, Any]:
    """The attributes of the custom calls, as csrc/jax/handlers.hpp lists them, with the kernels that a plan chooses.

    Raises:
        ValueError, RuntimeError: as `rnnfast.plan` for a variant.
    """
    return _attributes(problem, variant, _cpu.num_threads())


@lru_cache(maxsize=256)
def _attributes(problem: Problem, variant: str, threads: int) -> dict[str, Any]:
    activation = problem.activation
    assert isinstance(activation, Activation)
    plan = REGISTRY["cpu"].plan(problem, variant)
    assert isinstance(plan, CpuPlan)
    chosen = plan.choice
    return {
        "heads": np.int64(problem.heads),
        "activation": activation.name,
        "alpha": np.float64(activation.alpha or 0),
        "beta": np.float64(activation.beta or 0),
        "clip": np.float64(problem.clip or 0),
        "reverse": np.int64(problem.reverse),
        "bptt_steps": np.int64(problem.bptt_steps or 0),
        "hold_masked": np.int64(problem.masked_output == "hold"),
        "forward_variant": chosen["forward"],
        "backward_variant": chosen["backward"],
        "precision": chosen["precision"],
        "isa": chosen["isa"],
    }
