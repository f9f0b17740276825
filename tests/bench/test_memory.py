"""Peak memory."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast.bench.memory import peak_growth


@pytest.mark.parametrize("megabytes", [16, 64])
def test_what_a_call_takes_and_gives_back(megabytes: int) -> None:
    # freed memory that the allocator keeps
    kept = [np.ones(1 << 17) for _ in range(2 * megabytes)]
    pieces = [np.ones(1000) for _ in range(20_000)]
    del kept, pieces
    # on a system that does not forget its peak, only the larger one later is seen: hence the order
    grown = peak_growth(lambda: np.ones(megabytes << 17))
    assert megabytes * 0.9 < grown / 2**20 < megabytes + 8
