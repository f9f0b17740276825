"""What a variant of the recurrence on a GPU is: a choice that needs no GPU to be made, and what it launches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from rnnfast.backends import gpu_limits
from rnnfast.backends.base import Variant
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_limits import Kernel
from rnnfast.problem import Problem
from rnnfast.typing import Array

if TYPE_CHECKING:
    from rnnfast.backends.cupy_launch import Kernels

PRODUCTS = {0: "float32", 1: "bfloat16, summed in float32", 2: "two bfloat16s for each float32"}
"""By the parts of bfloat16 that a float32 is the sum of; 0: itself."""

MMA_CAPABILITY = 80
"""From which on there are tensor cores for bfloat16."""

_PARTS = {"highest": 0, "high": 2, "medium": 1}


def parts_for(problem: Problem, device: Device) -> tuple[int, ...]:
    """The keys of PRODUCTS that will do at the problem's precision, the first that can be had being the one to take."""
    wanted = _PARTS[problem.precision] if device.capability >= MMA_CAPABILITY else 0
    return (wanted, 0) if wanted else (0,)


class Recurrence(ABC):
    """The recurrence of one problem on a device. Arrays are on the GPU, C-contiguous, of the problem's dtype.

    position: (T, B) int32, the valid steps before each, -1 at masked ones; None: no step is masked.
    """

    @abstractmethod
    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        """y (T, B, H): x_t W_ih^T becomes h_t. state (B, H): h0 becomes h_n."""

    @abstractmethod
    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        """da (T, B, H) is written, zeros at masked steps. carry (B, H): dh_n becomes dh_0."""


class Choice(ABC):
    """A variant for a problem on a device, with its tiles.

    Raises:
        ValueError: it does not take the problem there.
    """

    name: ClassVar[str]
    strategy: ClassVar[str]
    accepts: ClassVar[str]

    def __init__(self, problem: Problem, device: Device) -> None:
        reason = self.why_not(problem, device)
        if reason is not None:
            raise ValueError(f"variant: {self.name!r} takes {self.accepts}; {reason}")
        self.problem = problem
        self.device = device

    @classmethod
    def described(cls) -> Variant:
        """The variant in words."""
        return Variant(cls.name, cls.strategy, cls.accepts)

    @classmethod
    @abstractmethod
    def why_not(cls, problem: Problem, device: Device) -> str | None:
        """Why the variant does not take a problem on a device, or None if it does."""

    @abstractmethod
    def clocks(self) -> float:
        """Of a step, at least, by a model that no GPU has been asked about yet; what "auto" chooses by."""

    @abstractmethod
    def recurrence(self, problem: Problem, kernels: Kernels) -> Recurrence:
        """What runs it."""

    @abstractmethod
    def tiles(self) -> str:
        """How the problem is cut, in a line."""

    @abstractmethod
    def kernel(self, direction: str) -> Kernel:
        """What a direction launches."""

    @abstractmethod
    def limits(self, direction: str) -> dict[str, float]:
        """Clocks of a step, at least, by what sets the limit: the names are those of gpu_limits."""

    def bytes(self, direction: str) -> int:
        """Of memory, that a step reads and writes."""
        return gpu_limits.step_bytes(self.problem, direction)

    def explain(self) -> str:
        """What was chosen, and the bounds of it, in a few lines."""
        return gpu_limits.explain(self)
