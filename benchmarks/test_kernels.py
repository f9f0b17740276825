"""The suites as pytest-benchmark suites, over every kernel of rnnfast: `pytest benchmarks`, `-k quick` for one of them.

Grouped by suite, case and pass, so that kernels stand side by side, and `pytest-benchmark compare` sets two runs beside
each other; `extra_info` has GFLOP/s and the share of the measured peak. The peers are in `rnnfast bench`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest

import rnnfast
from rnnfast.bench import check, peaks
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import NotHere, contenders
from rnnfast.bench.suites import SUITES, TIME

OWN = {name: contender for name, contender in contenders().items() if contender.own}


def parameters() -> Iterator[Any]:
    """Suite, case, pass, contender; a case that stands in two suites is timed in the first."""
    seen = set()
    for suite_name, suite in SUITES.items():
        for case in suite.cases:
            for what in case.passes:
                for name, contender in OWN.items():
                    key = (case.record()["kind"], str(case), what, name)
                    if suite.measure == TIME and case.kind in contender.prepare and key not in seen:
                        seen.add(key)
                        yield pytest.param(suite_name, case, what, name, id=f"{suite_name}-{case}-{what}-{name}")


@lru_cache
def peak() -> float:
    """GFLOP/s of all threads."""
    return peaks.multiply_add(rnnfast.isa(), rnnfast.get_num_threads())


@pytest.mark.parametrize(("suite", "case", "what", "contender"), list(parameters()))
def test_kernel(benchmark: Any, suite: str, case: Case, what: str, contender: str) -> None:
    benchmark.group = f"{suite}: {case}; {what}"
    arrays = case.arrays()
    try:
        ready = OWN[contender].prepare[case.kind](case, arrays, rnnfast.get_num_threads())
    except NotHere as reason:
        pytest.skip(str(reason))
    benchmark(ready.calls[what])
    if benchmark.stats and type(case) is Case:  # none under --benchmark-disable
        rate = case.flops(what) / benchmark.stats.stats.median / 1e9
        benchmark.extra_info |= {"gflop_per_s": round(rate, 2), "share_of_peak": round(rate / peak(), 3)}
    benchmark.extra_info["isa"] = rnnfast.isa()


@pytest.mark.parametrize("name", OWN)
def test_what_is_timed_is_right(name: str) -> None:
    """Every kernel on the first case of every suite that is small, against the float64 reference."""
    for case in (suite.cases[0] for suite in SUITES.values() if suite.cases[0].hidden_size <= 128):
        if case.kind not in OWN[name].prepare or case.kind == "model":
            continue
        arrays = case.arrays()
        try:
            ready = OWN[name].prepare[case.kind](case, arrays, rnnfast.get_num_threads())
        except NotHere as reason:
            pytest.skip(str(reason))
        for what, expected in case.expected(arrays).items():
            assert check.error(ready.arrays(ready.calls[what]()), expected) <= OWN[name].tolerance
