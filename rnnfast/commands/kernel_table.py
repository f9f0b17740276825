"""The kernels against the NumPy reference, timed side by side.

The reference is timed with one BLAS thread and with as many as NumPy takes by itself, and the faster counts: which of
the two it is depends on the shape, and on whether the machine has something else to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import rnnfast
from rnnfast.bench.cases import PEER_CASES, Case
from rnnfast.bench.timing import Contender, interleave, medians

if TYPE_CHECKING:
    from rich.table import Table

# Both seeds, a latency case and a medium one: what the reference computes in a fraction of a second.
SHAPES = ((32, 30, 50, 5), (250, 25, 50, 10), (1, 100, 256, 256), (32, 100, 128, 128))
CASES = tuple(case for case in PEER_CASES if (case.batch, case.seq_len, case.input_size, case.hidden_size) in SHAPES)

DIRECTIONS = ("forward", "backward")


class Row(NamedTuple):
    """Seconds a call of one pass, one of DIRECTIONS."""

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
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()

    def with_one_thread(call: Contender) -> object:
        with controller.limit(limits=1, user_api="blas"):
            return call()

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
    for direction in DIRECTIONS:
        contenders[f"one thread {direction}"] = partial(with_one_thread, contenders[f"reference {direction}"])
    times = medians(interleave(contenders, seconds=seconds, rounds=(3, 100)))
    return [
        Row(
            case,
            direction,
            reference=min(times[f"reference {direction}"], times[f"one thread {direction}"]),
            kernel=times[f"cpu {direction}"],
        )
        for direction in DIRECTIONS
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
