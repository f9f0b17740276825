"""examples/keras_imdb.py on some of the real reviews."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "keras_imdb.py"


def test_example(run_python, find_data, real_cache: Path) -> None:
    for package in ("keras", "jax"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    data = find_data("aclImdb_v1.tar.gz").parent
    variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(real_cache)}
    result = run_python(str(EXAMPLE), "2", "2000", RNNFAST_DATA=str(data), **variables)
    assert result.returncode == 0, result.stderr
    assert "Layers replaced: 1" in result.stdout
    assert "Warning" not in result.stderr
    accuracy = re.search(r"^Test accuracy: (0\.\d+)$", result.stdout, re.MULTILINE)
    assert accuracy, result.stdout
    assert float(accuracy[1]) > 0.45
