"""What a variant of the recurrence on a GPU is: a choice that needs no GPU to be made, and what it launches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rnnfast.backends import gpu_limits
from rnnfast.backends.base import Variant
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_limits import Kernel, Occupancy
from rnnfast.problem import Problem
from rnnfast.typing import Array

if TYPE_CHECKING:
    from rnnfast.backends.cupy_launch import Kernels


class Products(NamedTuple):
    """How the products of a step are made.

    Args:
        words: for people.
        operand: the C++ class of an operand on tensor cores; none: float32, outside of them.
        parts: operands that a float32 is the sum of.
        capability: from which on a device has the instruction.
    """

    words: str
    operand: str = ""
    parts: int = 0
    capability: int = 0

    @property
    def multiplications(self) -> int:
        """Of operands, for one of float32: the product of the two smaller parts is left out."""
        return self.parts * (self.parts + 1) // 2

    def flops(self, device: Device) -> float:
        """Of float32s, a clock of a multiprocessor, at most."""
        return device.mma_flops / self.multiplications if self.operand else device.flops("float32")


FLOAT32 = Products("float32")
BFLOAT16 = Products("bfloat16, summed in float32", "Bfloat16", 1, 80)
TWO_BFLOAT16S = Products("two bfloat16s for each float32", "Bfloat16", 2, 80)
FLOAT16 = Products("float16, summed in float32", "Float16", 1, 75)
ON_TENSOR_CORES = (BFLOAT16, TWO_BFLOAT16S, FLOAT16)


def products_for(problem: Problem, device: Device) -> tuple[Products, ...]:
    """Those that will do at the problem's precision, the first that can be had being the one to take.

    At "medium" the operands have the type that x is stored in where that has 16 bits, and else bfloat16.
    """
    medium = FLOAT16 if problem.dtype == "float16" else BFLOAT16
    wanted = {"highest": FLOAT32, "high": TWO_BFLOAT16S, "medium": medium}[problem.precision]
    return (FLOAT32,) if wanted is FLOAT32 or device.capability < wanted.capability else (wanted, FLOAT32)


class Recurrence(ABC):
    """The recurrence of one problem on a device. Arrays are on the GPU, C-contiguous, of the problem's arithmetic.

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

    def occupancy(self, direction: str) -> Occupancy:
        """How what a direction launches fills the device."""
        return gpu_limits.occupancy(self.kernel(direction), self.device)

    def bytes(self, direction: str) -> int:
        """Of memory, that a step reads and writes."""
        return gpu_limits.step_bytes(self.problem, direction)

    def explain(self) -> str:
        """What was chosen, and the bounds of it, in a few lines."""
        return gpu_limits.explain(self)
