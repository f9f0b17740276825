"""torch is an oracle of these tests and what they are about: they are skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """What is so small is no faster on more, and slower where the processors are taken."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def assert_close() -> Callable[..., None]:
    """Compares tensors of the same dtype; rounding is relative to the largest element."""

    def compare(got: Any, expected: Any, name: str = "", *, exact: float = 1e-10, single: float = 2e-5) -> None:
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape), name
        scale = max(1.0, float(expected.detach().abs().max()) if expected.numel() else 1.0)
        tolerance = {torch.float64: exact, torch.float32: single}[got.dtype]
        np.testing.assert_allclose(got.detach(), expected.detach(), rtol=0, atol=tolerance * scale, err_msg=name)

    return compare
