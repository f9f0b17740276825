from __future__ import annotations

import numpy as np
import pytest

from rnnfast.language_model import Streams


def test_streams_and_chunks() -> None:
    streams = Streams.of(np.arange(24), 3)
    assert streams.x.tolist() == [list(range(7)), list(range(7, 14)), list(range(14, 21))]
    assert np.array_equal(streams.y, streams.x + 1)
    chunks = list(streams.chunks(3))
    assert [chunk.x.shape[1] for chunk in chunks] == [3, 3, 1]
    assert streams.count_chunks(3) == 3
    assert np.array_equal(np.concatenate([chunk.x for chunk in chunks], axis=1), streams.x)
    assert np.array_equal(np.concatenate([chunk.y for chunk in chunks], axis=1), streams.y)
    assert np.array_equal(streams.chunk(1, 3).x, streams.x[:, 3:6])


@pytest.mark.parametrize(("tokens", "count"), [(3, 3), (1, 1), (0, 1)])
def test_too_short(tokens: int, count: int) -> None:
    with pytest.raises(
        ValueError, match=f"text: expected at least {count + 1} tokens for {count} streams, got {tokens}"
    ):
        Streams.of(np.arange(tokens), count)
