"""What a backend is, and what a plan of it can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rnnfast.cell_options import CellArguments, CellOptions
from rnnfast.home import HOST, Home, ModelHome
from rnnfast.problem import Problem
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class Variant:
    """A kernel of a backend: its name, what it does, and the problems that it accepts, in words."""

    name: str
    strategy: str
    accepts: str


class Plan(ABC):
    """How one problem will be computed: the backend and variant chosen, ready to be called many times."""

    def __init__(self, problem: Problem, backend: str, variant: str) -> None:
        self.problem = problem
        self.backend = backend
        self.variant = variant

    @abstractmethod
    def forward(
        self,
        x: ArrayLike,
        w_ih: ArrayLike,
        w_hh: ArrayLike,
        b: ArrayLike,
        *,
        h0: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        out: Array | None = None,
        **cell: Unpack[CellArguments],
    ) -> tuple[Array, Array]:
        """As `rnnfast.rnn_forward`, for arrays of the planned sizes."""

    @abstractmethod
    def backward(
        self,
        dy: ArrayLike | None,
        x: ArrayLike,
        y: ArrayLike,
        w_ih: ArrayLike,
        w_hh: ArrayLike,
        *,
        h0: ArrayLike | None = None,
        dh_n: ArrayLike | None = None,
        lengths: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        wants_dx: bool = True,
        **cell: Unpack[CellArguments],
    ) -> Gradients:
        """As `rnnfast.rnn_backward`, for arrays of the planned sizes."""

    @property
    @abstractmethod
    def window_steps(self) -> int:
        """The gradients of the weights are added up by so many steps, counted from the last: cut there, a problem has
        the same bits in parts.
        """

    @abstractmethod
    def forward_steps(
        self,
        x: Array,
        w_ih: Array,
        w_hh: Array,
        b: Array,
        *,
        h0: Array,
        lengths: Array | None,
        mask: Array | None,
        cell: CellOptions | None = None,
    ) -> tuple[Array, Array]:
        """As `forward` for some of the steps, on arrays that are checked: x and mask of those steps alone."""

    @abstractmethod
    def backward_steps(
        self,
        dy: Array | None,
        x: Array,
        y: Array,
        w_ih: Array,
        w_hh: Array,
        *,
        h0: Array,
        dh_n: Array | None,
        lengths: Array | None,
        mask: Array | None,
        position: Array,
        sums: tuple[Array, ...],
        cell: CellOptions | None = None,
    ) -> tuple[Array, Array]:
        """The mirror of `forward_steps`: dx and dh0, and the gradients of the weights added to `sums`.

        Args:
            position: the valid steps of each sequence before these, (B,) int64.
            sums: dw_ih, dw_hh, db, and what rounding took from db, (H,); with a gain dgain, and what from it.
            cell: the options of the cell for these steps.
        """

    @abstractmethod
    def explain(self) -> str:
        """What was chosen and why, in a few lines."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.backend}/{self.variant} {self.problem}>"


def storage(problem: Problem) -> str:
    """How a plan explains a dtype that is not computed with."""
    return f"storage {problem.dtype}: x, y and their gradients; all arithmetic in {problem.arithmetic}"


class Backend(ABC):
    """A family of kernels. One instance of each stands in `rnnfast.backends.REGISTRY`."""

    name: str
    in_layers: bool = True
    """Whether a layer can go on with the arrays that come out."""
    memory: ClassVar[str] = "CPU"
    """Where the arrays of a model lie that has it, as messages have it."""

    @abstractmethod
    def unavailable(self) -> str | None:
        """Why this backend cannot run here, or None if it can."""

    @abstractmethod
    def variants(self) -> tuple[Variant, ...]:
        """The kernels that this backend has."""

    @abstractmethod
    def plan(self, problem: Problem, variant: str) -> Plan:
        """A plan with the variant asked for; `auto` chooses. ValueError if the variant does not take the problem."""

    def plan_for(self, problem: Problem, variant: str, device: str) -> Plan:
        """As `plan`, for a device by its name, to be explained; it need not be there, nor need the backend run here.

        ValueError: the backend has no devices, or not that one.
        """
        raise ValueError(f"device: backend {self.name!r} has none to choose from, got {device!r}")

    def home(self) -> Home:
        """Where its arrays lie. RuntimeError: the backend cannot run here."""
        return HOST

    def model_home(self) -> ModelHome:
        """The same of a whole model that has it. RuntimeError: the backend cannot run here."""
        return HOST

    def device_name(self) -> str | None:
        """What it runs on where that is not the processor. RuntimeError: the backend cannot run here."""
        return None

    def context(self) -> Hashable:
        """What a plan depends on beside the problem."""
        return None
