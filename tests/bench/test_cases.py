"""What a case says about its work, and the cases of the suites."""

from __future__ import annotations

import pytest

from rnnfast.bench import records
from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.suites import MEMORY, SUITES


def test_its_work_is_what_numpy_would_do() -> None:
    case = Case(2, 3, 5, 7)
    # a step: (2, 5) by (5, 7) and (2, 7) by (7, 7)
    assert case.flops(FORWARD) == 3 * (2 * 2 * 5 * 7 + 2 * 2 * 7 * 7)
    assert case.flops(BOTH) == 3 * case.flops(FORWARD)
    arrays = case.arrays()
    read = sum(arrays[name].nbytes for name in ("x", "w_ih", "w_hh", "b"))
    assert case.least_bytes(FORWARD) == read + arrays["dy"].nbytes  # y is as large
    both = 2 * read + 2 * arrays["dy"].nbytes
    assert case.least_bytes(BOTH) == both


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_varies_along_its_axis(name: str) -> None:
    suite = SUITES[name]
    assert suite.about
    assert len(set(map(str, suite.cases))) == len(suite.cases)
    for case in suite.cases:
        assert records.case_of(case.record()) == case
    if suite.axis and suite.axis != "threads":
        sizes = [getattr(case, suite.axis) for case in suite.cases]
        assert sizes == sorted(set(sizes))
        assert len(sizes) >= 4
    assert suite.measure != MEMORY or all(case.kind == "layer" for case in suite.cases)


def test_deepbench_is_what_was_published() -> None:
    """github.com/baidu-research/DeepBench, vanilla RNN: hidden sizes, batches, 50 steps, ReLU."""
    sizes = {(c.hidden_size, c.input_size, c.batch, c.seq_len, c.activation) for c in SUITES["deepbench"].cases}
    assert sizes == {(h, h, b, 50, "relu") for h in (1760, 2048, 2560) for b in (16, 32, 64, 128)}
