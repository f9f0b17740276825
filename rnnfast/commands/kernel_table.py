"""The kernels against the NumPy reference, timed side by side."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import rnnfast
from rnnfast.bench.cases import PEER_CASES, Case
from rnnfast.bench.timing import Contender, interleave, medians

if TYPE_CHECKING:
    from rich.table import Table

# Both trainings, a latency case and a long sequence. A step of each is too small for OpenBLAS to use threads: those
# would make the reference many times slower on a machine that has something else to do, and the comparison with it.
SHAPES = ((32, 30, 50, 5), (250, 25, 50, 10), (1, 100, 64, 64), (32, 1000, 64, 64))
CASES = tuple(case for case in PEER_CASES if (case.batch, case.seq_len, case.input_size, case.hidden_size) in SHAPES)


class Row(NamedTuple):
    """Seconds a call of one pass, "forward" or "backward"."""

    case: Case
    direction: str
    reference: float
    kernel: float

    @property
    def speed_up(self) -> float:
        """How many times faster the kernel is."""
        return self.reference / self.kernel


def measure(case: Case, seconds: float) -> list[Row]:
    """Times both passes of one case for about that long in all."""
    arrays = case.arrays()
    x, w_ih, w_hh, b, dy = (arrays[name] for name in ("x", "w_ih", "w_hh", "b", "dy"))
    contenders: dict[str, Contender] = {}
    for backend in ("reference", "cpu"):
        plan = rnnfast.plan(
            seq_len=case.seq_len,
            batch=case.batch,
            input_size=case.input_size,
            hidden_size=case.hidden_size,
            activation=case.activation,
            backend=backend,
        )
        y, _ = plan.forward(x, w_ih, w_hh, b)
        contenders[f"{backend} forward"] = partial(plan.forward, x, w_ih, w_hh, b)
        contenders[f"{backend} backward"] = partial(plan.backward, dy, x, y, w_ih, w_hh)
    times = medians(interleave(contenders, seconds=seconds, rounds=(3, 100)))
    return [
        Row(case, direction, times[f"reference {direction}"], times[f"cpu {direction}"])
        for direction in ("forward", "backward")
    ]


def table(rows: Iterable[Row]) -> Table:
    """The rows for rich to print."""
    from rich.table import Table

    table = Table(title="Microseconds a call: the cpu kernels against NumPy")
    for heading in ("batch", "steps", "input", "hidden", "pass", "NumPy", "rnnfast", "speed-up"):
        table.add_column(heading, justify="left" if heading == "pass" else "right")
    for row in rows:
        case = row.case
        table.add_row(
            *map(str, (case.batch, case.seq_len, case.input_size, case.hidden_size)),
            row.direction,
            f"{row.reference * 1e6:,.0f}",
            f"{row.kernel * 1e6:,.0f}",
            f"{row.speed_up:.1f}x",
        )
    return table
