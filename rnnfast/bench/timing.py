"""How things are timed here: contenders interleaved round by round, medians and their ratios.

Machines are shared and change their clock; whatever slows one round slows every contender in it, so that ratios hold
where absolute times do not. Within a round each contender runs for a slice of time, and the first half of it is not
counted: the caches hold the data of the contender before, and in one process its thread pool may still be spinning.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial

from rnnfast.bench import intervals

Contender = Callable[[], object]
Slice = Callable[[float], float]
"""Called with seconds, calls a contender for about so long and returns its median time in seconds."""

Times = dict[str, list[float]]
"""By contender the time of each round."""

CLOSE_ENOUGH = 0.05
_CHECK_EVERY = 5
# Of a call this long the start is a small part.
_LONG_CALL = 0.1


def interleave(
    contenders: Mapping[str, Contender],
    *,
    seconds: float = 2.0,
    rounds: tuple[int, int] = (5, 100),
    slice_seconds: float = 0.01,
) -> Times:
    """Times the contenders in turn, round by round, after a warm-up of two calls each.

    Args:
        contenders: by name; each is called without arguments.
        seconds: how long to go on for, in all.
        rounds: at least and at most so many.
        slice_seconds: each contender's time in a round.

    Returns:
        For each contender its median time per call in seconds, by round.
    """
    for contender in contenders.values():
        contender()
        contender()
    slices = {name: partial(time_slice, contender) for name, contender in contenders.items()}
    return interleave_slices(slices, seconds=seconds, rounds=rounds, slice_seconds=slice_seconds)


def interleave_slices(
    slices: Mapping[str, Slice],
    *,
    seconds: float,
    rounds: tuple[int, int] = (5, 100),
    slice_seconds: float = 0.01,
    enough: Callable[[Times], bool] = lambda times: False,
) -> Times:
    """As `interleave` for contenders that time themselves; ends early where `enough` of the times so far is true."""
    names = list(slices)
    times: Times = {name: [] for name in names}
    start = time.perf_counter()
    for count in range(rounds[1]):
        if count >= rounds[0] and time.perf_counter() - start > seconds:
            break
        if count >= rounds[0] and count % _CHECK_EVERY == 0 and enough(times):
            break
        # Each round begins with another contender: none always runs in the wake of the same one.
        for name in names[count % len(names) :] + names[: count % len(names)]:
            times[name].append(slices[name](slice_seconds))
    return times


def time_slice(contender: Contender, seconds: float) -> float:
    """The median time of the later half of the calls made in `seconds`: at least two, or one that takes long."""
    calls: list[float] = []
    start = time.perf_counter()
    while not calls or (len(calls) < 2 and calls[0] < _LONG_CALL) or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        contender()
        calls.append(time.perf_counter() - begin)
    return statistics.median(calls[len(calls) // 2 :])


def ratios_are_close(base: str) -> Callable[[Times], bool]:
    """Whether the interval of every contender's ratio to `base` is within 5% of the ratio."""

    def enough(times: Times) -> bool:
        return all(intervals.of_ratio(values, times[base]).width <= CLOSE_ENOUGH for values in times.values())

    return enough


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """The median over the rounds for each contender, in seconds."""
    return {name: statistics.median(values) for name, values in times.items()}
