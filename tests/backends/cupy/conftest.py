"""The `cupy` backend on emulated kernels, or with the marker `gpu` on a GPU."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import emulated_cupy as stand_in
import pytest
from emulated_kernels import EmulatedFile

from rnnfast import functional
from rnnfast.backends import REGISTRY, gpu_instances

# Those of an H100 but for the number of multiprocessors, so that small problems fill it.
ATTRIBUTES = {
    "ClockRate": 1_980_000,
    "GlobalMemoryBusWidth": 5120,
    "L2CacheSize": 52428800,
    "MaxBlocksPerMultiprocessor": 32,
    "MaxSharedMemoryPerMultiprocessor": 233472,
    "MemoryClockRate": 2_619_000,
    "MultiProcessorCount": 6,
    "MaxSharedMemoryPerBlockOptin": 232448,
    "MaxRegistersPerMultiprocessor": 65536,
    "MaxThreadsPerMultiProcessor": 2048,
}


@pytest.fixture(scope="session")
def emulated_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EmulatedFile]:
    """Every .cu file, compiled for the CPU."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    folder = tmp_path_factory.mktemp("emulated")
    files = gpu_instances.instances(90)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(files, pool.map(lambda file: EmulatedFile(file, files[file], folder), files), strict=True))


@pytest.fixture
def emulated_cupy(emulated_files: dict[str, EmulatedFile], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """What stands for CuPy."""
    module = stand_in.make(emulated_files, ATTRIBUTES, "90")
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setattr(REGISTRY["cupy"], "_kernels", {})
    functional._plan_of.cache_clear()
    yield module
    functional._plan_of.cache_clear()


@pytest.fixture(params=["emulated", pytest.param("gpu", marks=pytest.mark.gpu)])
def cupy(request: pytest.FixtureRequest) -> ModuleType:
    """CuPy, or what stands for it."""
    if request.param == "emulated":
        return request.getfixturevalue("emulated_cupy")
    reason = REGISTRY["cupy"].unavailable()
    if reason is not None:
        pytest.skip(reason)
    return pytest.importorskip("cupy")
