"""The `cpu` backend: the compiled C++ kernels."""

from __future__ import annotations

from collections.abc import Hashable
from operator import itemgetter
from typing import TYPE_CHECKING

from rnnfast import _cpu, checks, pointwise
from rnnfast.backends import cost
from rnnfast.backends.base import Backend, Plan, Variant, storage
from rnnfast.cell_options import CellArguments, CellOptions
from rnnfast.pointwise import Activation
from rnnfast.problem import Problem, check_option
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike

if TYPE_CHECKING:
    from typing_extensions import Unpack

VARIANTS = (
    Variant(
        "panel",
        "packed weight panels and a register-tiled microkernel; threads share the batch",
        "every problem",
    ),
    Variant(
        "lanes",
        "the batch in the lanes of the vectors, everything of a forward step in one pass",
        "hidden_size up to 64, heads=1, a plain cell",
    ),
    Variant(
        "stationary",
        "each thread keeps the weights of some hidden units in its cache; threads meet at every step",
        "heads=1, a plain cell",
    ),
    Variant(
        "tiles",
        "the products of panel or stationary in bfloat16 tiles, of each float32 in two parts (high) or one (medium)",
        'float32 at precision "high" or "medium", heads=1, a plain cell, on a processor with AMX tiles',
    ),
)


def compiled(activation: str | Activation, clip: float | None) -> _cpu.Activation:
    """The form in which the compiled kernels take an activation."""
    function = pointwise.get(activation)
    return _cpu.Activation(function.name, function.alpha or 0.0, function.beta or 0.0, clip or 0.0)


class CpuPlan(Plan):
    """Holds the compiled kernel for one problem; workspaces are shared between plans and reused between calls.

    Args:
        variant: one of VARIANTS, or "auto": for each direction the one that costs least by `rnnfast.backends.cost`.
        isa: the instruction set; the best that runs here, or the one that RNNFAST_ISA names, by default.

    Raises:
        ValueError: the variant does not take the problem.
        RuntimeError: the variant cannot run here.
    """

    def __init__(self, problem: Problem, backend: str, variant: str, isa: str | None = None) -> None:
        isa = _cpu.default_isa() if isa is None else isa
        self._threads = _cpu.threads_for(
            problem.seq_len, problem.batch, problem.input_size, problem.hidden_size, problem.heads
        )
        self._predicted: dict[str, dict[str, float]] = {}
        no_tiles = why_no_tiles(problem, isa)
        if variant == "tiles" and no_tiles:
            raise (ValueError if not wants_tiles(problem) else RuntimeError)(f"variant: 'tiles' {no_tiles}")
        if variant == "auto" and not no_tiles:
            chosen = dict.fromkeys(cost.DIRECTIONS, "tiles")
        elif variant == "auto":
            prices, self._prices_from = cost.prices(isa)
            vector_len = _cpu.vector_len(isa, problem.arithmetic)
            self._predicted = cost.predict(problem, prices, threads=self._threads, vector_len=vector_len)
            chosen = {direction: cost.choose(times) for direction, times in self._predicted.items()}
        elif cost.accepts(problem, variant):
            chosen = dict.fromkeys(cost.DIRECTIONS, variant)
        else:
            accepts = next(known.accepts for known in VARIANTS if known.name == variant)
            raise ValueError(f"variant: {variant!r} takes {accepts}, got {problem}")
        super().__init__(problem, backend, "+".join(dict.fromkeys(chosen.values())))
        self._isa = isa
        self._precision = problem.precision if "tiles" in chosen.values() else "highest"
        self._chosen = chosen
        self.kernel = _cpu.Kernel(
            seq_len=problem.seq_len,
            batch=problem.batch,
            input_size=problem.input_size,
            hidden_size=problem.hidden_size,
            heads=problem.heads,
            dtype=problem.dtype,
            activation=compiled(problem.activation, problem.clip),
            reverse=bool(problem.reverse),
            bptt_steps=problem.bptt_steps or 0,
            masked_output=problem.masked_output,
            **self.choice,
        )
        self._needs_cell = bool(problem.cell_options)

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
        options = checks.cell_options(self.problem, **cell) if cell or self._needs_cell else None
        result = None
        if out is None:  # an array to write to needs the checks for overlap
            result = self.kernel.forward(x, w_ih, w_hh, b, h0, lengths, mask, None, options)
        if result is None:
            given = checks.forward_arrays(self.problem, x, w_ih, w_hh, b, h0=h0, lengths=lengths, mask=mask, out=out)
            result = self.kernel.forward(**given, cell=options)
        assert result is not None, "checked arrays are in the planned form"
        return result

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
        options = checks.cell_options(self.problem, **cell) if cell or self._needs_cell else None
        result = self.kernel.backward(dy, x, y, w_ih, w_hh, h0, dh_n, lengths, mask, options, wants_dx=wants_dx)
        if result is None:
            given = checks.backward_arrays(
                self.problem, dy, x, y, w_ih, w_hh, h0=h0, dh_n=dh_n, lengths=lengths, mask=mask
            )
            result = self.kernel.backward(**given, cell=options, wants_dx=wants_dx)
        assert result is not None, "checked arrays are in the planned form"
        return Gradients(*result)

    @property
    def choice(self) -> dict[str, str]:
        """What runs: the instruction set, the precision of its products, the variants forward and backward."""
        return {"isa": self._isa, "precision": self._precision, **self._chosen}

    @property
    def window_steps(self) -> int:
        return self.kernel.window_steps

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
        result = self.kernel.forward(x, w_ih, w_hh, b, h0, lengths, mask, cell=cell, steps=len(x))
        assert result is not None, "checked arrays are in the planned form"
        return result

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
        result = self.kernel.backward(
            dy, x, y, w_ih, w_hh, h0, dh_n, lengths, mask, cell=cell, steps=len(x), position=position, sums=sums
        )
        assert result is not None, "checked arrays are in the planned form"
        return result[0], result[4]

    def explain(self) -> str:
        lines = [f"cpu/{self.variant} on {self._threads} of {_cpu.num_threads()} threads: as many as the work is worth"]
        for direction, name in self._chosen.items():
            strategy = next(known.strategy for known in VARIANTS if known.name == name)
            lines.append(f"{direction}: {name}: {strategy}")
            if times := self._predicted.get(direction):
                costs = ", ".join(
                    f"{variant} {time:.0f} µs" for variant, time in sorted(times.items(), key=itemgetter(1))
                )
                lines.append(f"  expected ({self._prices_from} prices): {costs}")
        if self.problem.cell_options:
            lines.append(f"panel alone has {', '.join(self.problem.cell_options)}")
        lines.append(
            f"instruction set {self.kernel.isa} (this processor runs {', '.join(_cpu.supported_isas())})",
        )
        if self.problem.dtype != self.problem.arithmetic:
            lines.append(f"{storage(self.problem)}, by windows of {min(self.window_steps, self.problem.seq_len)} steps")
        if self.problem.precision != "highest":
            lines.append(f"precision {self.problem.precision!r}: {self._products()}")
        return "\n".join(lines)

    def _products(self) -> str:
        if self.variant == "tiles":
            parts = {"high": "two bfloat16s for each float32", "medium": "one bfloat16 for each float32"}
            return f"products of {parts[self.problem.precision]}, summed in float32"
        reason = why_no_tiles(self.problem, self._isa) or "has bf16 products, which this variant has not"
        return f"runs in true {self.problem.arithmetic}: the variant tiles {reason}"


def why_no_tiles(problem: Problem, isa: str) -> str | None:
    """Why the variant `tiles` does not run a problem on an instruction set that runs here, or None if it does."""
    if problem.cell_options:
        return f"takes a plain cell, got {', '.join(problem.cell_options)}"
    if not wants_tiles(problem):
        got = f"{problem.arithmetic} at {problem.precision!r}, heads={problem.heads}"
        return f"takes float32 at precision 'high' or 'medium', heads=1, got {got}"
    if problem.precision not in _cpu.precisions(isa):
        return f"cannot run here: instruction set {isa} has no bf16 tiles"
    return None


def wants_tiles(problem: Problem) -> bool:
    """Whether a problem is one that tiles are for, on a processor that has them."""
    of_kind = problem.heads == 1 and not problem.cell_options
    return problem.arithmetic == "float32" and problem.precision != "highest" and of_kind


class CpuBackend(Backend):
    name = "cpu"

    def unavailable(self) -> str | None:
        return None

    def variants(self) -> tuple[Variant, ...]:
        return VARIANTS

    def plan(self, problem: Problem, variant: str) -> Plan:
        check_option("variant", variant, ("auto", *(known.name for known in VARIANTS)))
        return CpuPlan(problem, self.name, variant)

    def context(self) -> Hashable:
        return _cpu.num_threads()
