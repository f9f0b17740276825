"""The `cupy` backend: the CUDA C++ kernels, through CuPy.

The products that are parallel over time (input projection, gradients of the weights and of the input) are cuBLAS calls
over all steps; what is left, the recurrence, is a variant's (gpu_variants.py). Everything goes to CuPy's current
stream, and nothing here waits for the GPU.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from rnnfast import checks
from rnnfast.backends import gpu_variants
from rnnfast.backends.base import Backend, Plan, Variant
from rnnfast.backends.cupy_arrays import GpuHome
from rnnfast.backends.cupy_launch import Kernels, first_line
from rnnfast.backends.gpu_chip_plan import ChipPlan
from rnnfast.backends.gpu_limits import Occupancy
from rnnfast.backends.gpu_phases import phase
from rnnfast.cell_options import CellArguments
from rnnfast.home import Home, ModelHome
from rnnfast.problem import Problem, check_option
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Unpack

_F = TypeVar("_F", bound=Callable[..., Any])


def _whole_pass(method: _F) -> _F:
    """A method of a plan as the phase around all others of a pass."""

    @functools.wraps(method)
    def timed(self: CupyPlan, *arguments: Any, **options: Any) -> Any:
        with phase(self._kernels.cupy, method.__name__):
            return method(self, *arguments, **options)

    return timed  # type: ignore[return-value]


class CupyPlan(Plan):
    """The kernels for one problem on one device; they are compiled at the first call.

    Args:
        variant: a name of gpu_variants.VARIANTS, or "auto".

    Raises:
        ValueError: the variant does not take the problem on this device.
    """

    def __init__(self, problem: Problem, backend: str, variant: str, kernels: Kernels) -> None:
        self._choice = gpu_variants.choose(problem, kernels.device, variant)
        super().__init__(problem, backend, self._choice.name)
        self._kernels = kernels
        self._home = GpuHome(kernels)
        self._recurrence = self._choice.recurrence(problem, kernels)

    @_whole_pass
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
        checks.cell_options(self.problem, **cell)  # a plan of this backend takes none
        given = checks.forward_arrays(
            self.problem, x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, out=out, home=self._home
        )
        cupy, sizes = self._kernels.cupy, self.problem
        y = given["out"]
        if y is None or self._narrow:
            y = cupy.empty((sizes.seq_len, sizes.batch, sizes.hidden_size), sizes.arithmetic)
        with phase(cupy, "input projection"):
            cupy.matmul(_rows(self._wide(given["x"])), given["w_ih"].T, out=_rows(y))
        state = self._initial(given["h0"])
        position = self._kernels.positions(sizes, given["lengths"], given["mask"])
        with phase(cupy, "recurrence"):
            self._recurrence.forward(y, self._matrix(given["w_hh"]), given["b"], state, position)
        if self._narrow:
            y = _stored(y, given["x"].dtype, given["out"])
        return y, state

    @_whole_pass
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
        checks.cell_options(self.problem, **cell)
        given = checks.backward_arrays(
            self.problem, dy, x, y, w_ih, w_hh, h0=h0, dh_n=dh_n, lengths=lengths, mask=mask, home=self._home
        )
        cupy, sizes = self._kernels.cupy, self.problem
        x, y, dy = (self._wide(given[name]) for name in ("x", "y", "dy"))
        carry = self._initial(given["dh_n"])
        position = self._kernels.positions(sizes, given["lengths"], given["mask"])
        da = cupy.empty((sizes.seq_len, sizes.batch, sizes.hidden_size), sizes.arithmetic)
        with phase(cupy, "backward recurrence"):
            self._recurrence.backward(dy, y, self._matrix(given["w_hh"]), da, carry, position)
        used = x if position is None else self._kernels.clear_masked(x, position)
        dx = cupy.empty(used.shape, sizes.arithmetic) if wants_dx else None
        if dx is not None:
            with phase(cupy, "input gradient"):
                cupy.matmul(_rows(da), given["w_ih"], out=_rows(dx))
        with phase(cupy, "weight gradients"):
            dw_ih = cupy.matmul(_rows(da).T, _rows(used))
            dw_hh = self._recurrent_gradient(da, y, given["h0"], position)
            db = _rows(da).sum(axis=0)
        if self._narrow and dx is not None:
            dx = _stored(dx, given["x"].dtype)
        return Gradients(dx, dw_ih, dw_hh.reshape(given["w_hh"].shape), db, carry)

    @property
    def _narrow(self) -> bool:
        """Whether x, y and their gradients are stored in 16 bits."""
        return self.problem.dtype != self.problem.arithmetic

    def _wide(self, stored: Any) -> Any:
        """An array with steps as it is computed with; None stays None."""
        return stored.astype(self.problem.arithmetic) if stored is not None and self._narrow else stored

    def _initial(self, given: Array | None) -> Array:
        """A copy of a (B, H) array to go on from; zeros for None."""
        if given is not None:
            return given.copy()
        return self._kernels.cupy.zeros((self.problem.batch, self.problem.hidden_size), self.problem.arithmetic)  # type: ignore[no-any-return]

    def _matrix(self, w_hh: Array) -> Array:
        """(H, H) of recurrent weights of one head."""
        return w_hh.reshape(self.problem.hidden_size, self.problem.hidden_size)

    def _recurrent_gradient(self, da: Array, y: Array, h0: Array | None, position: Array | None) -> Array:
        """sum_t da_t^T h_{t-1}, (H, H)."""
        cupy = self._kernels.cupy
        if position is not None:
            previous = self._kernels.hold_states(self.problem, y, h0, position)
            return cupy.matmul(_rows(da).T, _rows(previous))  # type: ignore[no-any-return]
        # without masked steps h_{t-1} is the output beside, and of the first step h0
        later, earlier, first = (da[:-1], y[1:], da[-1]) if self.problem.reverse else (da[1:], y[:-1], da[0])
        if len(later) == 0:
            dw_hh: Array = cupy.zeros((self.problem.hidden_size,) * 2, self.problem.arithmetic)
        else:
            dw_hh = cupy.matmul(_rows(later).T, _rows(earlier))
        if h0 is not None:
            dw_hh += cupy.matmul(first.T, h0)
        return dw_hh

    @property
    def window_steps(self) -> int:
        raise RuntimeError("backend: 'cupy' has no checkpointed passes yet; take 'cpu'")

    def forward_steps(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        raise RuntimeError("backend: 'cupy' has no checkpointed passes yet; take 'cpu'")

    def backward_steps(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        raise RuntimeError("backend: 'cupy' has no checkpointed passes yet; take 'cpu'")

    def explain(self) -> str:
        return self._choice.explain()

    def occupancy(self, direction: str) -> Occupancy:
        """What a direction ("forward" or "backward") launches, and how much of the device that fills."""
        return self._choice.occupancy(direction)

    def step_bytes(self, direction: str) -> int:
        """Of memory, that a step of a direction reads and writes."""
        return self._choice.bytes(direction)


def _rows(array: Array) -> Array:
    """(T, B, n) as (T B, n)."""
    return array.reshape(-1, array.shape[-1])


def _stored(array: Any, dtype: Any, out: Array | None = None) -> Array:
    """The array in 16 bits, rounded to nearest even."""
    if out is None:
        return array.astype(dtype)  # type: ignore[no-any-return]
    out[...] = array
    return out


class CupyBackend(Backend):
    name = "cupy"
    memory = "GPU"

    def __init__(self) -> None:
        self._kernels: dict[int, Kernels] = {}

    def unavailable(self) -> str | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a CuPy that does not fit its CUDA says so at length
                import cupy
        except ImportError as error:
            if getattr(error, "name", None) == "cupy":
                return "CuPy is not installed: pip install cupy-cuda12x or cupy-cuda13x, as the driver has it"
            return f"CuPy cannot be imported ({first_line(error)})"
        except Exception as error:  # whatever a broken installation does
            return f"CuPy cannot be imported ({first_line(error)})"
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except Exception as error:
            return f"CUDA finds no GPU ({first_line(error)}): is a driver installed, and as new as CuPy's CUDA?"
        return None if count else "CUDA finds no GPU"

    def variants(self) -> tuple[Variant, ...]:
        return tuple(known.described() for known in gpu_variants.VARIANTS.values())

    def home(self) -> Home:
        return self.model_home()

    def model_home(self) -> ModelHome:
        return GpuHome(self._here())

    def device_name(self) -> str | None:
        return self._here().device.name

    def context(self) -> Hashable:
        return self._here().number

    def plan(self, problem: Problem, variant: str) -> Plan:
        self._check(problem, variant)
        return CupyPlan(problem, self.name, variant, self._here())

    def plan_for(self, problem: Problem, variant: str, device: str) -> Plan:
        self._check(problem, variant)
        return ChipPlan(problem, self.name, variant, device)

    def _check(self, problem: Problem, variant: str) -> None:
        """ValueError unless the backend takes the problem on some device."""
        check_option("variant", variant, ("auto", *gpu_variants.VARIANTS))
        if problem.heads > 1 or problem.cell_options:
            raise ValueError(f"backend: 'cupy' takes one head and a plain cell so far, got {problem}")

    def _here(self) -> Kernels:
        """The kernels of CuPy's current device. RuntimeError if there is none."""
        reason = self.unavailable()
        if reason is not None:
            raise RuntimeError(f"backend: {self.name!r} cannot run here: {reason}")
        import cupy

        number = cupy.cuda.Device().id
        if number not in self._kernels:
            self._kernels[number] = Kernels(cupy, number)
        return self._kernels[number]
