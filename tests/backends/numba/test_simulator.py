"""The kernels run: a process of its own, for Numba asks for the simulator when it is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra: numba)"),
    pytest.mark.skipif("NUMBA_ENABLE_CUDASIM" in os.environ, reason="this is that process"),
]
ROOT = Path(__file__).parents[3]

# Without fibers: what a user runs.
PLAIN = """
import numpy as np
import rnnfast

rng = np.random.default_rng(0)
x, w_ih, w_hh, b = (rng.standard_normal(shape) * 0.3 for shape in ((2, 3, 2), (5, 2), (5, 5), (5,)))
right, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b, backend="reference")
expected = rnnfast.rnn_backward(right, x, right, w_ih, w_hh, backend="reference")
for variant in ("stepwise", "block"):
    y, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b, backend="numba", variant=variant)
    np.testing.assert_allclose(y.copy_to_host(), right, atol=1e-14)
    grads = rnnfast.rnn_backward(right, x, right, w_ih, w_hh, backend="numba", variant=variant)
    for name in ("dx", "dw_ih", "dw_hh", "db", "dh0"):
        np.testing.assert_allclose(getattr(grads, name).copy_to_host(), getattr(expected, name), atol=1e-13)
print(rnnfast.plan(seq_len=2, batch=3, input_size=2, hidden_size=5, backend="numba").explain())
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """From a folder that is not the checkout's, whose sources would be taken for the installed package."""
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def test_the_kernels_pass_their_tests_with_fibers_for_threads(tmp_path: Path) -> None:
    pytest.importorskip("greenlet")
    tests = str(ROOT / "tests" / "backends" / "numba" / "simulated")
    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), tests)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    found = re.search(r"(\d+) passed", done.stdout)
    assert found is not None
    assert int(found[1]) > 200


def test_the_simulator_as_it_comes(tmp_path: Path) -> None:
    done = run(tmp_path, "-W", "error", "-c", PLAIN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("numba/block on Numba's simulator")
