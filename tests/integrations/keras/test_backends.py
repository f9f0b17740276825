"""Keras has one backend for each process: the checks beside this file are run in one of their own on each."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKS = [str(path) for path in sorted(Path(__file__).parent.glob("*_checks.py"))]
SUPPORT = Path(__file__).resolve().parents[2] / "support"
# Compiling takes most of the time of these checks, and what it makes is run a few times.
COMPILE_QUICKLY = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}
QUIET = {
    "jax": {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", **COMPILE_QUICKLY},
    "torch": {"KERAS_TORCH_DEVICE": "cpu"},
    "tensorflow": {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", **COMPILE_QUICKLY},
}


@pytest.mark.parametrize("backend", sorted(QUIET))
def test_backend(run_python, backend: str) -> None:
    for package in ("keras", backend):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    result = run_python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-o", f"pythonpath={SUPPORT}"),
        *CHECKS,
        seconds=600,  # some compile for as long as a minute
        KERAS_BACKEND=backend,
        **QUIET[backend],
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_backend_without_kernels_runs_keras_own_loop(run_python) -> None:
    if find_spec("keras") is None:
        pytest.skip("keras is not installed")
    program = "import rnnfast.keras, numpy as np; print(rnnfast.keras.SimpleRNN(2)(np.ones((1, 3, 2))).shape)"
    result = run_python("-c", program, KERAS_BACKEND="numpy")
    assert (result.returncode, result.stdout) == (0, "(1, 2)\n"), result.stderr
    assert "the backend numpy has no kernels; Keras's own loop runs" in result.stderr


def test_without_keras_the_error_names_the_extra(run_python) -> None:
    result = run_python("-c", "import sys; sys.modules['keras'] = None; import rnnfast.keras")
    assert "rnnfast.keras needs keras: pip install 'rnnfast[keras]'" in result.stderr
