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


def test_language_model_example(run_python) -> None:
    """Started again, it goes on from its checkpoint, which is finished."""
    command = str(CHECKOUT / "examples" / "language_model.py"), str(CHECKOUT / "README.md"), "2"
    first, second = run_python(*command), run_python(*command)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout
    tokens, perplexity = (
        re.search(pattern, first.stdout, re.MULTILINE)
        for pattern in (r"^(\d+) characters", r"^Held out, perplexity: ([\d.]+)$")
    )
    assert tokens
    assert perplexity
    assert 1 < float(perplexity[1]) < int(tokens[1])


def test_readme(run_python) -> None:
    programs = re.findall(r"^```python\n(.*?)^```$", (CHECKOUT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(programs) == 3
    result = run_python(
        "-c", "\n".join([*programs, "print(y.shape, grads.dw_hh.shape, probabilities.shape, model.epochs_done)"])
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "(30, 32, 10) (5, 5) (64, 1) 4"
