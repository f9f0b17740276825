"""The kernels over the cases that peers are compared on, as a pytest-benchmark suite: `pytest benchmarks`.

Grouped by case, so that `pytest-benchmark compare` sets forward and training side by side; `extra_info` has GFLOP/s.
"""

from __future__ import annotations

from typing import Any

import pytest

import rnnfast
from rnnfast.bench.cases import PEER_CASES, Case
from rnnfast.bench.peers import rnnfast_peer


@pytest.mark.parametrize("what", ["forward", "training"])
@pytest.mark.parametrize("case", PEER_CASES, ids=str)
def test_kernels(benchmark: Any, case: Case, what: str) -> None:
    benchmark.group = str(case)
    peer = rnnfast_peer(case, case.arrays(), rnnfast.get_num_threads())
    call = peer.forward if what == "forward" else peer.training
    assert call is not None
    call()
    benchmark(call)
    if benchmark.stats:  # none under --benchmark-disable
        flops = case.forward_flops * (1 if what == "forward" else 3)
        benchmark.extra_info["gflop_per_s"] = round(flops / benchmark.stats.stats.median / 1e9, 2)
    benchmark.extra_info["isa"] = rnnfast.isa()
