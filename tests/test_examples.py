"""The programs in examples/ and in the README run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("name", "archive", "least"),
    [("imdb_sentiment.py", "aclImdb_v1.tar.gz", 0.62), ("sms_spam.py", "smsspamcollection.zip", 0.8)],
)
def test_example(run_python, find_data, real_cache: Path, name: str, archive: str, least: float) -> None:
    data = find_data(archive).parent
    result = run_python(str(CHECKOUT / "examples" / name), "1", RNNFAST_DATA=str(data), XDG_CACHE_HOME=str(real_cache))
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"^Test accuracy: (0\.\d+)$", result.stdout, re.MULTILINE)
    assert accuracy, result.stdout
    assert float(accuracy[1]) > least


def test_readme(run_python) -> None:
    programs = re.findall(r"^```python\n(.*?)^```$", (CHECKOUT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(programs) == 2
    result = run_python("-c", "\n".join([*programs, "print(y.shape, grads.dw_hh.shape, probabilities.shape)"]))
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "(30, 32, 5) (5, 5) (64, 1)"
