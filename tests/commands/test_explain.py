from __future__ import annotations

import pytest

import rnnfast
from rnnfast import cli


def test_it_prints_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--hidden", "24", "--batch", "3", "--seq-len", "7", "--input", "5", "--dtype", "float64"]
    assert cli.main(["explain", *options, "--variant", "lanes", "--activation", "relu"]) == 0
    plan = rnnfast.plan(
        seq_len=7, batch=3, input_size=5, hidden_size=24, dtype="float64", activation="relu", variant="lanes"
    )
    assert capsys.readouterr().out == plan.explain() + "\n"


def test_as_many_features_as_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "--hidden", "8"]) == 0
    plan = rnnfast.plan(seq_len=100, batch=32, input_size=8, hidden_size=8)
    assert capsys.readouterr().out == plan.explain() + "\n"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ([], ["--hidden"]),
        (["--hidden", "0"], ["--hidden", "at least 1"]),
        (["--hidden", "65", "--variant", "lanes"], ["variant", "hidden_size up to 64"]),
        (["--hidden", "8", "--variant", "fast"], ["variant", "panel, lanes", "'fast'"]),
        (["--hidden", "8", "--dtype", "int8"], ["--dtype", "float32, float64", "'int8'"]),
        (["--hidden", "8", "--device", "h300"], ["device", "h100, h200", "'h300'"]),
        (["--hidden", "8", "--device", "h100", "--backend", "cpu"], ["device", "'cpu'"]),
    ],
)
def test_bad_options(options: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for part in parts:
        assert part in error


def test_a_gpu_that_is_not_here(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--device", "RTX 4090", "--hidden", "64", "--backend", "cupy", "--precision", "medium"]
    assert cli.main(["explain", *options]) == 0
    sizes = {"seq_len": 100, "batch": 32, "input_size": 64, "hidden_size": 64}
    plan = rnnfast.plan(**sizes, precision="medium", device="rtx4090")
    assert capsys.readouterr().out == plan.explain() + "\n"
