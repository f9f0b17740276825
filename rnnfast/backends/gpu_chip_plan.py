"""A plan for a GPU that is known by its name alone: it explains itself, and does not run."""

from __future__ import annotations

from typing import Any, NoReturn

from rnnfast.backends import gpu_chips, gpu_variants
from rnnfast.backends.base import Plan
from rnnfast.problem import Problem
from rnnfast.reference import Gradients
from rnnfast.typing import Array


class ChipPlan(Plan):
    """What would be chosen for one problem on one chip.

    Args:
        variant: a name of gpu_variants.VARIANTS, or "auto".
        device: a name of gpu_chips.CHIPS.

    Raises:
        ValueError: the chip is not known, or the variant does not take the problem there.
    """

    def __init__(self, problem: Problem, backend: str, variant: str, device: str) -> None:
        self._choice = gpu_variants.choose(problem, gpu_chips.find(device), variant)
        super().__init__(problem, backend, self._choice.name)

    def explain(self) -> str:
        return self._choice.explain()

    @property
    def window_steps(self) -> int:
        self._refuse()

    def forward(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        self._refuse()

    def backward(self, *arguments: Any, **options: Any) -> Gradients:
        self._refuse()

    def forward_steps(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        self._refuse()

    def backward_steps(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise RuntimeError(
            f"device: a plan for {self._choice.device.name} by its name can be explained alone; make it without device "
            "to run it on the GPU that is there"
        )
