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
sys.argv[1:] = "2", "4000"
for replace in (rnnfast.keras.replace, lambda model: 0):
    rnnfast.keras.replace = replace
    keras.utils.set_random_seed(0)
    runpy.run_path({str(EXAMPLE)!r})
"""


def test_example(run_python, find_data, real_cache: Path) -> None:
    """From the same seed it learns what Keras's own layer learns, but for what rounding decides."""
    for package in ("keras", "jax"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    data = find_data("aclImdb_v1.tar.gz").parent
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(real_cache)}
    result = run_python("-c", BOTH, seconds=300, RNNFAST_DATA=str(data), **variables)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert re.findall(r"Layers replaced: (\d)", result.stdout) == ["1", "0"]
    losses, accuracies = (
        [float(number) for number in re.findall(f"{words}: ([\\d.]+)", result.stdout)]
        for words in (" loss", "Test accuracy")
    )
    assert losses[:2] == pytest.approx(losses[2:], abs=0.002)  # of two epochs each
    ours, theirs = accuracies
    assert ours == pytest.approx(theirs, abs=0.01)
    assert theirs > 0.7
