"""The `reference` backend: the NumPy specification behind the same front door as the kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnnfast import checks, reference
from rnnfast.backends.base import Backend, Plan, Variant, storage
from rnnfast.cell_options import CellArguments, CellOptions
from rnnfast.problem import Problem, check_option
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Unpack


class ReferencePlan(Plan):
    """Checks the arguments and calls the specification."""

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
        given = checks.forward_arrays(self.problem, x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, out=out)
        target = given.pop("out")
        options = self._options(checks.cell_options(self.problem, **cell))
        with np.errstate(all="ignore"):  # infinity and NaN are results here, not accidents
            y, h_n = reference.rnn_forward(**given, **options)
        if target is None:
            return y, h_n
        target[...] = y
        return target, h_n

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
        given = checks.backward_arrays(self.problem, dy, x, y, w_ih, w_hh, h0=h0, dh_n=dh_n, lengths=lengths, mask=mask)
        options = self._backward_options(checks.cell_options(self.problem, **cell))
        with np.errstate(all="ignore"):
            gradients = reference.rnn_backward(**given, **options)
        return gradients if wants_dx else gradients._replace(dx=None)

    @property
    def window_steps(self) -> int:
        return self.problem.seq_len  # no memory is saved here: recomputed at once

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
        with np.errstate(all="ignore"):
            return reference.rnn_forward(x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, **self._options(cell))

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
        with np.errstate(all="ignore"):
            grads = reference.rnn_backward(
                dy,
                x,
                y,
                w_ih,
                w_hh,
                h0=h0,
                dh_n=dh_n,
                lengths=lengths,
                mask=mask,
                **self._backward_options(cell),
            )
        dw_ih, dw_hh, db, _, *dgain = sums
        for total, gradient in zip(
            (dw_ih, dw_hh, db, *dgain[:1]), (grads.dw_ih, grads.dw_hh, grads.db, grads.dgain), strict=False
        ):
            total += gradient
        return grads.dx, grads.dh0

    def _options(self, cell: CellOptions | None) -> dict[str, Any]:
        options = {name: getattr(self.problem, name) for name in ("activation", "clip", "reverse", "masked_output")}
        return options if cell is None else options | cell._asdict()

    def _backward_options(self, cell: CellOptions | None) -> dict[str, Any]:
        options = self._options(cell) | {"bptt_steps": self.problem.bptt_steps}
        options.pop("zoneout", None)  # of the forward pass alone
        return options

    def explain(self) -> str:
        lines = ["reference/loop: the specification in NumPy, a step at a time; for checking, not for speed"]
        if self.problem.dtype != self.problem.arithmetic:
            lines.append(storage(self.problem))
        return "\n".join(lines)


class ReferenceBackend(Backend):
    name = "reference"

    def unavailable(self) -> str | None:
        return None

    def variants(self) -> tuple[Variant, ...]:
        return (Variant("loop", "NumPy, one step at a time", "every problem"),)

    def plan(self, problem: Problem, variant: str) -> Plan:
        check_option("variant", variant, ("auto", *(known.name for known in self.variants())))
        return ReferencePlan(problem, self.name, "loop")
