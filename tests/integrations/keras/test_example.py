"""examples/keras_imdb.py on some of the real reviews."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "keras_imdb.py"
# The program as it stands, and again with the layers that Keras has.
BOTH = f"""
import runpy, sys, keras, rnnfast.keras
sys.argv[1:] = "2", "2000"
for replace in (rnnfast.keras.replace, lambda model: 0):
    rnnfast.keras.replace = replace
    keras.utils.set_random_seed(0)
    runpy.run_path({str(EXAMPLE)!r})
"""


def test_example(run_python, find_data, real_cache: Path) -> None:
    """From the same seed it learns as much as Keras does, to as many reviews as rounding may decide about."""
    for package in ("keras", "jax"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    data = find_data("aclImdb_v1.tar.gz").parent
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(real_cache)}
    result = run_python("-c", BOTH, RNNFAST_DATA=str(data), **variables)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert re.findall(r"Layers replaced: (\d)", result.stdout) == ["1", "0"]
    ours, theirs = (float(found) for found in re.findall(r"^Test accuracy: (0\.\d+)$", result.stdout, re.MULTILINE))
    assert ours == pytest.approx(theirs, abs=0.005)
    assert ours > 0.65
