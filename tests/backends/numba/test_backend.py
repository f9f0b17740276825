"""The `numba` backend where it cannot run: it says why, and nothing else fails for it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import rnnfast
from rnnfast.backends import REGISTRY
from rnnfast.backends import numba as backend


@pytest.fixture(autouse=True)
def no_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(REGISTRY["numba"], "_runs", False)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What stands for NVIDIA's driver, with a GPU, under a numba-cuda that is found."""
    answers = SimpleNamespace(cuInit=lambda flags: (0,), cuDeviceGetCount=lambda: (0, 1))
    bindings = ModuleType("cuda.bindings")
    bindings.__dict__["driver"] = answers
    monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.setattr(backend, "find_spec", lambda name: object())
    return answers


def stand_in(monkeypatch: pytest.MonkeyPatch, cuda: object) -> None:
    """For the package numba."""
    module = ModuleType("numba")
    module.__dict__["cuda"] = cuda
    monkeypatch.setitem(sys.modules, "numba", module)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    reason = r"numba-cuda is not installed: pip install 'numba-cuda\[cu12\]'"
    with pytest.raises(RuntimeError, match=f"^backend: 'numba' cannot run here: {reason}"):
        rnnfast.plan(seq_len=9, batch=4, input_size=3, hidden_size=4, backend="numba")
    with pytest.raises(RuntimeError, match=f"^backend: 'numba' cannot run here: {reason}"):
        rnnfast.rnn_forward(*(np.zeros((1, 1, 1), np.float32)[0] for _ in range(4)), backend="numba")


class Status(int):
    name = "CUDA_ERROR_NO_DEVICE"


def fails(error: Exception):
    def call(*arguments: object) -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"cuInit": fails(RuntimeError("no libcuda.so.1\nmore"))}, "CUDA finds no GPU (no libcuda.so.1)"),
        ({"cuInit": lambda flags: (Status(100),)}, "CUDA finds no GPU (CUDA_ERROR_NO_DEVICE)"),
        ({"cuDeviceGetCount": lambda: (0, 0), "cuInit": lambda flags: (Status(0),)}, "CUDA finds no GPU"),
    ],
    ids=["no driver", "a driver that fails", "no device"],
)  # fmt: skip
def test_no_gpu(answers: dict[str, object], reason: str, driver: SimpleNamespace) -> None:
    vars(driver).update(answers)
    assert (dict(rnnfast.backends())["numba"] or "").startswith(reason)


def test_numba_itself_finds_none(driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, SimpleNamespace(is_available=lambda: False, cuda_error=lambda: "\ntoo old\nmore"))
    assert dict(rnnfast.backends())["numba"] == "Numba finds no GPU (too old)"


def test_it_runs_where_numba_finds_one(driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, SimpleNamespace(is_available=lambda: True))
    assert dict(rnnfast.backends())["numba"] is None


def test_a_broken_numba_hides_nothing_else(
    driver: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numba.py").write_text("raise OSError('llvmlite: bad magic')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "numba"]:
        monkeypatch.delitem(sys.modules, name)
    stated = dict(rnnfast.backends())
    assert stated["numba"] == "numba-cuda cannot be imported (llvmlite: bad magic)"
    assert stated["cpu"] is None


def test_the_variants_are_listed_without_numba() -> None:
    assert [variant.name for variant in rnnfast.variants("numba")] == ["stepwise", "block"]


def test_asking_does_not_import_numba(run_python) -> None:
    code = "import sys, rnnfast; print(dict(rnnfast.backends())['numba']); print('numba' in sys.modules)"
    lines = run_python("-c", code).stdout.splitlines()
    if lines[0] == "None":
        pytest.skip("there is a GPU")
    assert lines[1] == "False"


@pytest.mark.parametrize("given", [{"backend": "numba"}, {}], ids=["to the layer", "to the model"])
def test_layers_refuse_it(given: dict[str, str]) -> None:
    of_model = {} if given else {"backend": "numba"}
    with pytest.raises(ValueError, match=r"^backend: expected one that layers can use, got 'numba'"):
        rnnfast.Sequential([rnnfast.layers.SimpleRNN(3, **given)], **of_model)


def test_bench_says_why_a_contender_cannot_run(rnnfast) -> None:
    done = rnnfast("bench", "--only", "numba/block", CUDA_VISIBLE_DEVICES="")
    assert done.returncode != 0
    assert "--only: 'numba/block' cannot run here: " in done.stderr
