"""Measuring the variants of the `cpu` backend on random problems, and fitting their prices to the times."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rnnfast import _cpu
from rnnfast.backends.cost import DIRECTIONS, VARIANTS, Prices, accepts, choose, work
from rnnfast.backends.cpu import CpuPlan
from rnnfast.problem import Problem
from rnnfast.typing import Array

# Of the products of a problem, in multiplications: enough to be seen, few enough to be repeated.
_LEAST_WORK, _MOST_WORK = 2e4, 3e7
_ROUNDS = 7


class Measured(NamedTuple):
    """A problem, and the best time of each variant in microseconds, by direction and variant."""

    problem: Problem
    times: dict[str, dict[str, float]]


def random_problems(count: int, seed: int) -> Iterator[Problem]:
    """Sizes spread evenly on a logarithmic scale, float32."""
    rng = np.random.default_rng(seed)

    def size(low: int, high: int) -> int:
        return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))

    while count:
        problem = Problem(seq_len=size(5, 200), batch=size(1, 256), input_size=size(1, 1024), hidden_size=size(1, 1024))
        steps = problem.seq_len * problem.batch * problem.hidden_size
        if _LEAST_WORK <= steps * (problem.input_size + problem.hidden_size) <= _MOST_WORK:
            count -= 1
            yield problem


def measure(problem: Problem, isa: str) -> Measured:
    """Times every variant on one problem, the rounds interleaved."""
    rng = np.random.default_rng(0)
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return (rng.standard_normal(shape) * scale).astype(problem.dtype)

    x, dy = normal(t, b, i), normal(t, b, h)
    w_ih, w_hh, bias = normal(h, i, scale=i**-0.5), normal(h, h, scale=0.5 * h**-0.5), normal(h)
    plans = {variant: CpuPlan(problem, "cpu", variant, isa) for variant in VARIANTS if accepts(problem, variant)}
    y, _ = plans["panel"].forward(x, w_ih, w_hh, bias)
    times = {direction: dict.fromkeys(plans, np.inf) for direction in DIRECTIONS}
    for _ in range(_ROUNDS):
        for variant, plan in plans.items():
            for _ in range(2):  # the second time the threads are awake and the caches warm
                start = time.perf_counter()
                plan.forward(x, w_ih, w_hh, bias)
                middle = time.perf_counter()
                plan.backward(dy, x, y, w_ih, w_hh)
                end = time.perf_counter()
            for direction, seconds in zip(DIRECTIONS, (middle - start, end - middle), strict=True):
                times[direction][variant] = min(times[direction][variant], seconds * 1e6)
    return Measured(problem, times)


def fit(measured: Sequence[Measured], isa: str) -> Prices:
    """The prices, none below zero, that come closest to the measured times, in relation to each."""
    return {
        variant: {direction: _fit(measured, isa, variant, direction) for direction in DIRECTIONS}
        for variant in VARIANTS
    }


def _fit(measured: Sequence[Measured], isa: str, variant: str, direction: str) -> list[float]:
    measured = [m for m in measured if variant in m.times[direction]]
    counts = np.array([counts_of(m.problem, isa, variant, direction) for m in measured])
    times = np.array([m.times[direction][variant] for m in measured])
    relative = counts / times[:, None]
    scale = np.maximum(np.abs(relative).max(axis=0), 1e-300)
    return [float(price) for price in nonnegative_least_squares(relative / scale, np.ones(len(times))) / scale]


def counts_of(problem: Problem, isa: str, variant: str, direction: str) -> Array:
    """`cost.work` for the threads and vectors of this machine."""
    return work(
        problem,
        variant,
        direction,
        threads=_cpu.threads_for(
            problem.seq_len, problem.batch, problem.input_size, problem.hidden_size, problem.heads
        ),
        vector_len=_cpu.vector_len(isa, problem.dtype),
    )


def nonnegative_least_squares(a: Array, b: Array, rounds: int = 2000) -> Array:
    """x >= 0 with the least |a x - b|: least squares one coordinate after the other, until nothing moves."""
    gram, target = a.T @ a, a.T @ b
    x = np.zeros(a.shape[1])
    for _ in range(rounds):
        before = x.copy()
        for k in range(len(x)):
            if gram[k, k] > 0:
                x[k] = max(0.0, x[k] + (target[k] - gram[k] @ x) / gram[k, k])
        if np.allclose(x, before, rtol=1e-9, atol=0):
            break
    return x


def near_best(measured: Sequence[Measured], prices: Prices, isa: str, within: float = 0.15) -> dict[str, float]:
    """By direction the share of problems for which the variant chosen by these prices is near the best one measured."""
    shares = {}
    for direction in DIRECTIONS:
        near = []
        for problem, times in measured:
            expected = {
                variant: float(counts_of(problem, isa, variant, direction) @ prices[variant][direction])
                for variant in times[direction]
            }
            best = min(times[direction].values())
            near.append(times[direction][choose(expected)] <= (1 + within) * best)
        shares[direction] = float(np.mean(near))
    return shares
