"""JAX has as many CPU devices in a process as it was told at its start: so the checks run in one that has two."""

from __future__ import annotations

from pathlib import Path

import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

CHECKS = str(Path(__file__).with_name("device_checks.py"))


@pytest.mark.skipif(not hasattr(jax, "shard_map"), reason="JAX has no jax.shard_map yet")
def test_two_devices(run_python) -> None:
    result = run_python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", CHECKS),
        seconds=300,
        JAX_PLATFORMS="cpu",
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "7 passed" in result.stdout
