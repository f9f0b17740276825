"""Operations on the rows of a table (V, E) of which a batch touches a few: read, sum gradients, update.

The updates are lazy and exact. A dense optimizer moves every row at every step; here a row that a step does not
touch is left alone, `last_step[row]` remembers the step up to which it is current, and when it is next touched,
the steps it missed, all of gradient 0, are applied in closed form. For k missed steps with momentum m:

    accumulator  <- rho^k accumulator               (RMSprop; the mean gradient likewise)
    velocity_k    = m^k velocity
    weight       <- weight -/+ velocity (m + m^2 + ... + m^k) = weight -/+ velocity m (1 - m^k) / (1 - m)

Shapes, everywhere: weights and state tables (V, E), of one float dtype, C-contiguous; `last_step` (V,) int64;
`rows` (R,) integers in 0..V-1, sorted and unique unless said otherwise; `sums` (R, E). Tables are updated in place.
Arguments are taken as already checked.
"""

from __future__ import annotations

import numpy as np

from rnnfast.typing import Array


def gather(table: Array, ids: Array, out: Array | None = None) -> Array:
    """The rows `ids` of table (V, E), as an array of shape ids.shape + (E,), C-contiguous.

    `ids`: integers in 0..V-1, any shape and strides. `out`: where to write, of that shape and the table's dtype.
    """
    return np.take(table, ids, axis=0, out=out, mode="clip")  # clip: numpy buffers `out` under "raise"


def combine(ids: Array, values: Array) -> tuple[Array, Array]:
    """Sums of the values (N, E) that belong to one row: rows (R,) int64, sorted and unique, and sums (R, E).

    `ids` (N,), N >= 1, are integers in 0..2^31-1. Values of one row are added in an order
    that their number alone decides.
    """
    # Sorting (id, position) as one number is a stable argsort, and the fastest that NumPy has.
    bits = int(ids.size - 1).bit_length()
    keys = ids.astype(np.int64)
    keys <<= bits
    keys |= np.arange(ids.size)
    keys.sort()
    order = keys & ((1 << bits) - 1)
    keys >>= bits
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    sums = _take(values, order[starts])
    # Most rows occur once or twice; NumPy's reduceat is slow by the segment, so it gets what is left of the others.
    counts = np.diff(starts, append=ids.size)
    repeated = np.flatnonzero(counts > 1)
    if repeated.size:
        sums[repeated] += _take(values, order[starts[repeated] + 1])
        longer = repeated[counts[repeated] > 2]
        if longer.size:
            left = counts[longer] - 2
            segments = np.cumsum(left) - left
            places = np.arange(left.sum()) + np.repeat(starts[longer] + 2 - segments, left)
            sums[longer] += np.add.reduceat(_take(values, order[places]), segments, axis=0)
    return keys[starts], sums


def rmsprop_rows(
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
    """One RMSprop step, number `step` (from 1), of the given rows; `sums` is used up.

    `mean_gradient` is None unless centered, `velocity` is None where momentum is 0.
    """
    missed_and_this = _per_row(step - last_step[rows], weights)
    decay = rho**missed_and_this
    fresh = 1 - rho
    squares = _take(accumulator, rows)
    squares *= decay
    fresh_squares = np.square(sums)
    fresh_squares *= fresh
    squares += fresh_squares
    accumulator[rows] = squares
    if mean_gradient is not None:
        mean = _take(mean_gradient, rows)
        mean *= decay
        mean += fresh * sums
        mean_gradient[rows] = mean
        squares -= np.square(mean)
    if epsilon_inside:
        squares += epsilon
    np.sqrt(squares, out=squares)
    if not epsilon_inside:
        squares += epsilon
    sums *= learning_rate
    sums /= squares
    if velocity is None:
        weights[rows] = _take(weights, rows) - sums
    else:
        current = _take(velocity, rows)
        moved = current * _geometric(momentum, missed_and_this - 1)
        current *= momentum**missed_and_this
        current += sums
        velocity[rows] = current
        moved += current
        weights[rows] = _take(weights, rows) - moved
    last_step[rows] = step


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
        current = _take(velocity, rows)
        weights[rows] -= current * _geometric(momentum, missed)
        velocity[rows] = current * momentum**missed
    last_step[rows] = step


def sgd_rows(
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
    """One SGD step, number `step` (from 1), of the given rows; `sums` is used up. `velocity`: None for momentum 0."""
    sums *= learning_rate
    if velocity is None:
        weights[rows] = _take(weights, rows) - sums
    else:
        missed_and_this = _per_row(step - last_step[rows], weights)
        current = _take(velocity, rows)
        moved = current * _geometric(momentum, missed_and_this - 1)
        current *= momentum**missed_and_this
        current -= sums
        velocity[rows] = current
        if nesterov:
            moved += current
            moved *= momentum
            moved -= sums
        else:
            moved += current
        weights[rows] = _take(weights, rows) + moved
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
    current = _take(velocity, rows)
    moved = current * _geometric(momentum, missed)
    weights[rows] += momentum * moved if nesterov else moved
    velocity[rows] = current * momentum**missed
    last_step[rows] = step


def _take(table: Array, rows: Array) -> Array:
    """A copy of table[rows], several times as fast for being told that no row is out of range."""
    return table.take(rows, axis=0, mode="clip")


def _per_row(steps: Array, weights: Array) -> Array:
    """Counts (R,) as a column (R, 1) of the table's dtype."""
    return steps.astype(weights.dtype)[:, None]


def _geometric(ratio: float, terms: Array) -> Array:
    """ratio + ratio^2 + ... + ratio^terms, for 0 <= ratio < 1."""
    total: Array = ratio * (1 - ratio**terms) / (1 - ratio)
    return total
