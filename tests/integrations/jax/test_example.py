"""The program in examples/ and the ones in the page run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("jax", reason="JAX is not installed")

CHECKOUT = Path(__file__).resolve().parents[3]


def test_example(run_python) -> None:
    result = run_python(str(CHECKOUT / "examples" / "jax_rnn.py"), JAX_PLATFORMS="cpu")
    assert result.returncode == 0, result.stderr
    losses = [float(number) for number in re.findall(r"loss ([\d.]+)", result.stdout)]
    assert len(losses) == 6
    assert losses[-1] < 0.5 * losses[0]


def test_page(run_python) -> None:
    page = (CHECKOUT / "docs" / "jax.md").read_text()
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    result = run_python("-c", "\n".join([*programs, "print(y.shape, grads['w_hh'].shape)"]), JAX_PLATFORMS="cpu")
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[-2] == "(8, 30, 5) (5, 5)"
