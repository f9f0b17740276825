"""The kernels and instruction sets that run here."""

from __future__ import annotations

import pytest
from kernel_checks import KERNELS

from rnnfast import _cpu


@pytest.fixture(params=KERNELS, ids="-".join)
def kernel(request: pytest.FixtureRequest) -> tuple[str, str]:
    variant, isa = request.param
    return variant, isa


@pytest.fixture(params=_cpu.supported_isas())
def isa(request: pytest.FixtureRequest) -> str:
    return str(request.param)
