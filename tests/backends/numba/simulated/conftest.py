"""The `numba` backend in Numba's simulator, in a process of its own (test_simulator.py), or on a GPU if there is one.

By hand: NUMBA_ENABLE_CUDASIM=1 pytest tests/backends/numba/simulated
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rnnfast.backends import REGISTRY, numba_launch

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"

# Nothing to run them on is said by test_simulator.py.
collect_ignore_glob = ["test_*.py"] if REGISTRY["numba"].unavailable() else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not SIMULATED and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)


@pytest.fixture(scope="session", autouse=True)
def small_blocks() -> Iterator[None]:
    """In the simulator, blocks of few threads, so that small problems have several."""
    with pytest.MonkeyPatch.context() as patch:
        if SIMULATED:
            from rnnfast.backends.numba_kernels import product

            patch.setattr(product, "TILE", 4)
            patch.setattr(numba_launch, "THREADS", 32)
        yield


@pytest.fixture
def numba(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What the tests of all backends need of Numba; in the simulator with fibers for threads."""
    from numba import cuda

    if SIMULATED:
        import numba_fibers

        numba_fibers.install(monkeypatch)
    module = ModuleType("numba")
    module.__dict__["asarray"] = lambda value: cuda.to_device(np.ascontiguousarray(value))
    return module
