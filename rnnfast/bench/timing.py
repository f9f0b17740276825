"""How things are timed here: contenders interleaved round by round in one process, medians and their ratios.

Machines are shared and change their clock; whatever slows one round slows every contender in it, so that ratios hold
where absolute times do not. Within a round each contender runs for a slice of time, and the first half of it is not
counted: the thread pool of the contender before may still be spinning, and the caches hold its data.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Contender = Callable[[], object]


def interleave(
    contenders: Mapping[str, Contender],
    *,
    seconds: float = 2.0,
    rounds: tuple[int, int] = (5, 100),
    slice_seconds: float = 0.01,
) -> dict[str, list[float]]:
    """Times the contenders in turn, round by round, after a warm-up of two calls each.

    Args:
        contenders: by name; each is called without arguments.
        seconds: how long to go on for, in all.
        rounds: at least and at most so many.
        slice_seconds: each contender's time in a round; at least two calls are made, and the later half counted.

    Returns:
        For each contender its median time per call in seconds, by round.
    """
    names = list(contenders)
    for name in names:
        contenders[name]()
        contenders[name]()
    times: dict[str, list[float]] = {name: [] for name in names}
    start = time.perf_counter()
    for count in range(rounds[1]):
        if count >= rounds[0] and time.perf_counter() - start > seconds:
            break
        # Each round begins with another contender: none always runs in the wake of the same one.
        for name in names[count % len(names) :] + names[: count % len(names)]:
            times[name].append(_slice(contenders[name], slice_seconds))
    return times


def _slice(contender: Contender, seconds: float) -> float:
    calls: list[float] = []
    start = time.perf_counter()
    while len(calls) < 2 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        contender()
        calls.append(time.perf_counter() - begin)
    return statistics.median(calls[len(calls) // 2 :])


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """The median over the rounds for each contender, in seconds."""
    return {name: statistics.median(values) for name, values in times.items()}
