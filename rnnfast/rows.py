"""Operations on the rows of a table (V, E) of which a batch touches a few: read, sum gradients, update.

The updates are lazy and exact. A dense optimizer moves every row at every step; here a row that a step does not
touch is left alone, `last_step[row]` remembers the step up to which it is current, and when it is next touched,
the steps it missed, all of gradient 0, are applied in closed form. For k missed steps with momentum m:

    accumulator  <- rho^k accumulator               (RMSprop; the mean gradient likewise)
    velocity_k    = m^k velocity
    weight       <- weight -/+ velocity (m + m^2 + ... + m^k) = weight -/+ velocity m (1 - m^k) / (1 - m)

Shapes, everywhere: weights and state tables (V, E), of one float dtype, C-contiguous; `last_step` (V,) int64;
`rows` (R,) int64 in 0..V-1; `sums` (R, E). Tables are updated in place.
Arguments are taken as already checked.

What is compiled here is for arrays on the CPU; `Home.rows` has the same for those of another memory (`RowKernels`).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from rnnfast import _cpu
from rnnfast.typing import Array


class RowKernels(Protocol):
    """The compiled operations of one memory: this module, or an object with functions of the same names."""

    def combine(self, ids: Array, values: Array) -> tuple[Array, Array]:
        """See `combine`. Among the rows there may be some of -1, which stand for none, with sums of 0: then nobody has
        to wait for their number.
        """

    def put(self, table: Array, rows: Array, values: Array) -> None:
        """See `put`."""

    def rmsprop_rows(
        self,
        weights: Array,
        accumulator: Array,
        mean_gradient: Array | None,
        velocity: Array | None,
        last_step: Array,
        rows: Array,
        sums: Array,
        *,
        step: int,
        learning_rate: float,
        rho: float,
        momentum: float,
        epsilon: float,
        epsilon_inside: bool,
    ) -> None:
        """See `rmsprop_rows`."""

    def sgd_rows(
        self,
        weights: Array,
        velocity: Array | None,
        last_step: Array,
        rows: Array,
        sums: Array,
        *,
        step: int,
        learning_rate: float,
        momentum: float,
        nesterov: bool,
    ) -> None:
        """See `sgd_rows`."""


def gather(table: Array, ids: Array, out: Array | None = None) -> Array:
    """The rows `ids` of table (V, E), as an array of shape ids.shape + (E,), C-contiguous.

    `ids`: integers in 0..V-1, any shape and strides. `out`: where to write, of that shape and the table's dtype.
    """
    if isinstance(table, np.ndarray):
        return np.take(table, ids, axis=0, out=out, mode="clip")  # clip: numpy buffers `out` under "raise"
    return table.take(ids, axis=0, out=out)  # CuPy's has no mode, and wraps: a row of -1 is any row


def combine(ids: Array, values: Array) -> tuple[Array, Array]:
    """Sums of the values (N, E) that belong to one row: rows (R,) int64, as they first occur, and sums (R, E).

    `ids` (N,) are integers. Values of one row are added in their order.
    """
    if ids.dtype not in (np.int32, np.int64):
        ids = ids.astype(np.int64)
    return _cpu.combine_rows(np.ascontiguousarray(ids), np.ascontiguousarray(values))


def put(table: Array, rows: Array, values: Array) -> None:
    """The rows (R,) of table become the values (R, E); those of -1 are left out where `combine` makes them."""
    table[rows] = values


rmsprop_rows = _cpu.rmsprop_rows
"""One RMSprop step, number `step` (from 1), of the given rows, which are unique.

`mean_gradient` is None unless centered, `velocity` is None where momentum is 0.
"""

sgd_rows = _cpu.sgd_rows
"""One SGD step, number `step` (from 1), of the given rows, which are unique. `velocity`: None for momentum 0."""


def rmsprop_settle(
    weights: Array,
    accumulator: Array,
    mean_gradient: Array | None,
    velocity: Array | None,
    last_step: Array,
    rows: Array,
    *,
    step: int,
    rho: float,
    momentum: float,
) -> None:
    """Applies what the given rows missed, up to and with step number `step`. Rows may repeat, in any order."""
    missed = _per_row(step - last_step[rows], weights)
    accumulator[rows] *= rho**missed
    if mean_gradient is not None:
        mean_gradient[rows] *= rho**missed
    if velocity is not None:
        current = gather(velocity, rows)
        weights[rows] -= current * _geometric(momentum, missed)
        velocity[rows] = current * momentum**missed
    last_step[rows] = step


def sgd_settle(
    weights: Array,
    velocity: Array,
    last_step: Array,
    rows: Array,
    *,
    step: int,
    momentum: float,
    nesterov: bool,
) -> None:
    """Applies what the given rows missed, up to and with step number `step`. Rows may repeat, in any order."""
    missed = _per_row(step - last_step[rows], weights)
    current = gather(velocity, rows)
    moved = current * _geometric(momentum, missed)
    weights[rows] += momentum * moved if nesterov else moved
    velocity[rows] = current * momentum**missed
    last_step[rows] = step


def _per_row(steps: Array, weights: Array) -> Array:
    """Counts (R,) as a column (R, 1) of the table's dtype."""
    return steps.astype(weights.dtype)[:, None]


def _geometric(ratio: float, terms: Array) -> Array:
    """ratio + ratio^2 + ... + ratio^terms, for 0 <= ratio < 1."""
    total: Array = ratio * (1 - ratio**terms) / (1 - ratio)
    return total
