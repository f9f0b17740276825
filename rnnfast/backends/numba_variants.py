"""The variants of the recurrence in Numba's kernels, and the choice between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from rnnfast import pointwise
from rnnfast.backends.base import Variant
from rnnfast.backends.numba_launch import NumbaDevice, configured, empty, tiled, transposed
from rnnfast.problem import Problem
from rnnfast.typing import Array

SHARED_BYTES = 48 * 1024
"""That a block of any device may have without asking, which Numba does not."""

MOST_THREADS = 512
"""Of a block, so that each can have 128 registers."""


class Recurrence(ABC):
    """The recurrence of one problem; arrays are on the device, C-contiguous, of the problem's dtype.

    position: (T, B) int32, the valid steps before each, -1 at masked ones.
    """

    name: ClassVar[str]
    strategy: ClassVar[str]
    accepts: ClassVar[str]

    def __init__(self, problem: Problem, device: NumbaDevice) -> None:
        self.problem = problem
        self.device = device

    @classmethod
    def described(cls) -> Variant:
        """The variant in words."""
        return Variant(cls.name, cls.strategy, cls.accepts)

    @classmethod
    def takes(cls, problem: Problem) -> bool:
        """Whether the variant takes a problem."""
        return True

    @abstractmethod
    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array) -> Array:
        """y (T, B, H): x_t W_ih^T becomes h_t. state (B, H) is h0, and may be written to. Returns h_n."""

    @abstractmethod
    def backward(self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array) -> None:
        """da (T, B, H) is written, zeros at masked steps. carry (B, H): dh_n becomes dh_0."""

    def explain(self) -> str:
        """What was chosen, in a few lines."""
        return f"numba/{self.name} on {self.device.name}: {self.strategy}"

    def _functions(self) -> Any:
        from rnnfast.backends.numba_kernels.pointwise import pointwise as compiled

        function = pointwise.get(self.problem.activation)
        return compiled(function.name, self.problem.dtype, function.alpha, function.beta, self.problem.clip)

    def _times(self) -> range:
        """Of the steps, in the order of processing."""
        times = range(self.problem.seq_len)
        return times[::-1] if self.problem.reverse else times

    @property
    def _hold(self) -> bool:
        return self.problem.masked_output == "hold"


class Stepwise(Recurrence):
    name = "stepwise"
    strategy = "a launch a step: the product by tiles in shared memory, then the activation"
    accepts = "every problem"

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array) -> Array:
        from rnnfast.backends.numba_kernels import stepwise

        kernel = stepwise.forward(self.problem.dtype, self._functions())
        step = tiled(kernel, self.problem.batch, self.problem.hidden_size)
        weights, following = transposed(w_hh), empty(tuple(state.shape), self.problem.dtype)
        for t in self._times():
            step(t, state, weights, b, y, position, self._hold, following)
            state, following = following, state
        return state

    def backward(self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array) -> None:
        from rnnfast.backends.numba_kernels import stepwise

        kernel = stepwise.backward(self.problem.dtype, self._functions())
        step = tiled(kernel, self.problem.batch, self.problem.hidden_size)
        given = dy is not None
        dy = y if dy is None else dy  # not read
        later = -1
        for t in (*reversed(self._times()), -1):
            step(t, later, dy, given, y, w_hh, position, self._hold, self.problem.bptt_steps or 0, carry, da)
            later = t


class Block(Recurrence):
    name = "block"
    strategy = "all steps of some sequences in one thread block, which keeps of w_hh what its shared memory holds"
    accepts = f"hidden_size up to {MOST_THREADS}"

    def __init__(self, problem: Problem, device: NumbaDevice) -> None:
        super().__init__(problem, device)
        # As few sequences a block as occupy every multiprocessor.
        self.rows = min(MOST_THREADS // problem.hidden_size, -(-problem.batch // device.multiprocessors))
        row_bytes = problem.hidden_size * np.dtype(problem.dtype).itemsize
        self.resident = min(problem.hidden_size, SHARED_BYTES // row_bytes - 2 * self.rows)

    @classmethod
    def takes(cls, problem: Problem) -> bool:
        return problem.hidden_size <= MOST_THREADS

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array) -> Array:
        from rnnfast.backends.numba_kernels import block

        run = self._configured(block.forward)
        run(transposed(w_hh), b, y, position, self.problem.reverse, self._hold, state)
        return state

    def backward(self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array) -> None:
        from rnnfast.backends.numba_kernels import block

        run, bptt_steps = self._configured(block.backward), self.problem.bptt_steps or 0
        given = dy is not None
        dy = y if dy is None else dy  # not read
        run(dy, given, y, w_hh, position, self.problem.reverse, self._hold, bptt_steps, carry, da)

    def _configured(self, factory: Callable[..., Any]) -> Callable[..., None]:
        sizes = self.problem.hidden_size, self.rows
        kernel = factory(self.problem.dtype, self._functions(), *sizes, self.resident)
        return configured(kernel, (-(-self.problem.batch // self.rows),), sizes)

    def explain(self) -> str:
        blocks = -(-self.problem.batch // self.rows)
        return (
            f"{super().explain()}\n{blocks} blocks of {self.problem.hidden_size} x {self.rows} threads, one for each "
            f"unit of {self.rows} sequences; {self.resident} of {self.problem.hidden_size} columns of w_hh in shared "
            "memory"
        )


VARIANTS: dict[str, type[Recurrence]] = {variant.name: variant for variant in (Stepwise, Block)}
"""By name."""


def choose(problem: Problem, device: NumbaDevice, variant: str) -> Recurrence:
    """The variant of that name; for "auto" `block` where it takes the problem, for a launch a step costs more.

    Raises:
        ValueError: the variant asked for does not take it.
    """
    if variant == "auto":
        variant = Block.name if Block.takes(problem) else Stepwise.name
    chosen = VARIANTS[variant]
    if not chosen.takes(problem):
        raise ValueError(f"variant: {variant!r} takes {chosen.accepts}; got {problem}")
    return chosen(problem, device)
