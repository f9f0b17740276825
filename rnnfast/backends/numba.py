"""The `numba` backend: CUDA kernels in Python, for reading and for changing (numba_kernels).

As in `cupy`, what is parallel over time is a product over all steps, here a plain tiled kernel, and the recurrence is a
variant's (numba_variants.py). Everything goes to Numba's default stream, and nothing waits for the GPU but copies of
NumPy's arrays.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Hashable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rnnfast import checks
from rnnfast.backends import numba_variants
from rnnfast.backends.base import Backend, Plan, Variant
from rnnfast.backends.numba_arrays import NumbaHome
from rnnfast.backends.numba_launch import NumbaDevice, copied, elementwise, empty, tiled, transposed, zeros
from rnnfast.cell_options import CellArguments
from rnnfast.home import Home
from rnnfast.problem import Problem, check_option
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Unpack


class NumbaPlan(Plan):
    """The kernels for one problem on one device; they are compiled at the first call.

    Args:
        variant: a name of numba_variants.VARIANTS, or "auto".

    Raises:
        ValueError: the variant does not take the problem.
    """

    def __init__(self, problem: Problem, backend: str, variant: str, device: NumbaDevice) -> None:
        self._recurrence = numba_variants.choose(problem, device, variant)
        super().__init__(problem, backend, self._recurrence.name)
        self._home = NumbaHome(device)

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
        sizes = self.problem
        y = given["out"]
        if y is None:
            y = empty((sizes.seq_len, sizes.batch, sizes.hidden_size), sizes.dtype)
        self._multiply(_rows(given["x"]), transposed(given["w_ih"]), _rows(y))
        position = self._positions(given["lengths"], given["mask"])
        state = self._initial(given["h0"])
        return y, self._recurrence.forward(y, self._matrix(given["w_hh"]), given["b"], state, position)

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
        from rnnfast.backends.numba_kernels import copies, product

        sizes, dtype = self.problem, self.problem.dtype
        units, inputs = sizes.hidden_size, sizes.input_size
        position = self._positions(given["lengths"], given["mask"])
        carry = self._initial(given["dh_n"])
        da = empty((sizes.seq_len, sizes.batch, units), dtype)
        self._recurrence.backward(given["dy"], given["y"], self._matrix(given["w_hh"]), da, carry, position)

        used = empty((sizes.seq_len, sizes.batch, inputs), dtype)
        elementwise(copies.clear_masked(dtype), used.size, given["x"], position, used)
        previous = empty((sizes.seq_len, sizes.batch, units), dtype)
        first = zeros((sizes.batch, units), dtype) if given["h0"] is None else given["h0"]
        arguments = given["y"], first, position, sizes.reverse, previous
        elementwise(copies.previous_states, first.size, *arguments)

        dx = empty((sizes.seq_len, sizes.batch, inputs), dtype) if wants_dx else None
        dw_ih, dw_hh, db = empty((units, inputs), dtype), empty((units, units), dtype), empty((units,), dtype)
        if dx is not None:
            self._multiply(_rows(da), given["w_ih"], _rows(dx))
        self._multiply(_rows(da), _rows(used), dw_ih, transposed_left=True)
        self._multiply(_rows(da), _rows(previous), dw_hh, transposed_left=True)
        tiled(product.column_sums(dtype), 1, units)(_rows(da), db)
        return Gradients(dx, dw_ih, dw_hh.reshape(*given["w_hh"].shape), db, carry)

    def _multiply(self, a: Array, b: Array, out: Array, *, transposed_left: bool = False) -> None:
        """out := a b, or with transposed_left a^T b."""
        from rnnfast.backends.numba_kernels import product

        tiled(product.matmul(self.problem.dtype), *out.shape)(a, b, transposed_left, out)

    def _initial(self, given: Array | None) -> Array:
        """A copy of a (B, H) array to go on from; zeros for None."""
        if given is not None:
            return copied(given)
        return zeros((self.problem.batch, self.problem.hidden_size), self.problem.dtype)

    def _matrix(self, w_hh: Array) -> Array:
        """(H, H) of recurrent weights of one head."""
        return w_hh.reshape(self.problem.hidden_size, self.problem.hidden_size)

    def _positions(self, lengths: Array | None, mask: Array | None) -> Array:
        """The valid steps before each step, (T, B) int32, -1 where it is masked."""
        from rnnfast.backends.numba_kernels import copies

        position = empty((self.problem.seq_len, self.problem.batch), "int32")
        arrays = {"lengths": lengths, "mask": mask, "every": position}
        name, array = next((name, array) for name, array in arrays.items() if array is not None)
        elementwise(copies.number_steps(name), self.problem.batch, array, self.problem.reverse, position)
        return position

    @property
    def window_steps(self) -> int:
        raise RuntimeError("backend: 'numba' has no checkpointed passes; take 'cpu'")

    def forward_steps(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        raise RuntimeError("backend: 'numba' has no checkpointed passes; take 'cpu'")

    def backward_steps(self, *arguments: Any, **options: Any) -> tuple[Array, Array]:
        raise RuntimeError("backend: 'numba' has no checkpointed passes; take 'cpu'")

    def explain(self) -> str:
        return f"{self._recurrence.explain()}; products in {self.problem.dtype}"


def _rows(array: Array) -> Array:
    """(T, B, n) as (T B, n)."""
    seq_len, batch, columns = array.shape
    return array.reshape(seq_len * batch, columns)


class NumbaBackend(Backend):
    name = "numba"
    in_layers = False  # Numba's arrays have no arithmetic

    def __init__(self) -> None:
        self._runs = False  # what has been found to run is not asked again

    def unavailable(self) -> str | None:
        simulated = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
        try:
            if find_spec("numba_cuda") is None:
                return (
                    "numba-cuda is not installed: pip install 'numba-cuda[cu12]' or 'numba-cuda[cu13]', as the driver"
                )
            if not simulated:
                reason = _no_gpu()
                if reason is not None:
                    return reason
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from numba import cuda
            return None if cuda.is_available() else f"Numba finds no GPU ({_first_line(cuda.cuda_error())})"
        except Exception as error:  # whatever a broken installation does
            return f"numba-cuda cannot be imported ({_first_line(error)})"

    def variants(self) -> tuple[Variant, ...]:
        return tuple(variant.described() for variant in numba_variants.VARIANTS.values())

    def home(self) -> Home:
        return NumbaHome(self._device())

    def context(self) -> Hashable:
        return self._device()

    def plan(self, problem: Problem, variant: str) -> Plan:
        check_option("variant", variant, ("auto", *numba_variants.VARIANTS))
        for option, value, taken in (
            ("dtype", problem.dtype, problem.dtype == problem.arithmetic),
            ("heads", problem.heads, problem.heads == 1),
            *((name, True, False) for name in problem.cell_options),
        ):
            if not taken:
                raise ValueError(
                    f"{option}: backend 'numba' takes float32 and float64, one head and a plain cell, got {value}"
                )
        return NumbaPlan(problem, self.name, variant, self._device())

    def _device(self) -> NumbaDevice:
        """Numba's current device. RuntimeError if there is none."""
        reason = None if self._runs else self.unavailable()
        if reason is not None:
            raise RuntimeError(f"backend: {self.name!r} cannot run here: {reason}")
        self._runs = True
        return NumbaDevice.current()


def _no_gpu() -> str | None:
    """Why the driver has no GPU, or None if it has one: asked before Numba, which takes a second to import."""
    try:
        from cuda.bindings import driver

        (status,) = driver.cuInit(0)
        count = driver.cuDeviceGetCount()[1] if int(status) == 0 else 0
    except Exception as error:
        return f"CUDA finds no GPU ({_first_line(error)})"
    return None if count else f"CUDA finds no GPU ({status.name})"


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
