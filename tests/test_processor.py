"""Threads and instruction sets: chosen as told, safe in company."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest

import rnnfast
from rnnfast import _cpu


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: v for name, v in os.environ.items() if not name.startswith(("RNNFAST_", "OMP_"))}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tempfile.gettempdir(),  # not the checkout, whose sources would come before the installed package
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def call(seed: int = 0) -> np.ndarray:
    """A forward pass that is worth several threads."""
    rng = np.random.default_rng(seed)
    x, w, u, b = (rng.standard_normal(s).astype(np.float32) for s in ((20, 32, 64), (64, 64), (64, 64), (64,)))
    return rnnfast.rnn_forward(x, w / 8, u / 16, b)[0]


@pytest.fixture(autouse=True)
def same_threads_after():  # type: ignore[no-untyped-def]
    before = rnnfast.get_num_threads()
    yield
    rnnfast.set_num_threads(before)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"RNNFAST_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"RNNFAST_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, 3),
        ({"RNNFAST_NUM_THREADS": "many"}, None),
        ({}, None),
    ],
)
def test_threads_from_the_environment(environment: dict[str, str], expected: int | None) -> None:
    done = run_python("import rnnfast; print(rnnfast.get_num_threads())", **environment)
    assert int(done.stdout) == (expected or len(os.sched_getaffinity(0)))


def test_set_num_threads() -> None:
    rnnfast.set_num_threads(3)
    assert rnnfast.get_num_threads() == 3
    with pytest.raises(ValueError, match=r"^threads: expected at least 1, got 0"):
        rnnfast.set_num_threads(0)
    with pytest.raises(TypeError, match=r"^threads: expected an integer, got '2'"):
        rnnfast.set_num_threads("2")  # type: ignore[arg-type]
    assert rnnfast.get_num_threads() == 3


def test_a_pool_has_no_more_threads_than_allowed() -> None:
    code = """
import os, numpy as np, rnnfast
x, w, u, b = (np.ones(s, np.float32) for s in ((50, 64, 64), (64, 64), (64, 64), (64,)))
before = len(os.listdir("/proc/self/task"))
rnnfast.rnn_forward(x, w, u, b)
print(len(os.listdir("/proc/self/task")) - before)
"""
    for threads in (1, 3):
        assert int(run_python(code, RNNFAST_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS="1").stdout) == threads - 1


def test_calls_from_several_threads_at_once_are_correct() -> None:
    rnnfast.set_num_threads(4)
    expected = [call(seed) for seed in range(6)]
    wrong: list[int] = []

    def work(seed: int) -> None:
        for _ in range(30):
            if not np.array_equal(call(seed), expected[seed]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_forked_child_can_call_the_kernels() -> None:
    code = """
import os, sys, warnings, numpy as np, rnnfast
warnings.simplefilter("ignore")
x, w, u, b = (np.full(s, 0.01, np.float32) for s in ((50, 64, 64), (64, 64), (64, 64), (64,)))
rnnfast.set_num_threads(4)
right = rnnfast.rnn_forward(x, w, u, b)[0]
for _ in range(20):
    rnnfast.rnn_forward(x, w, u, b)
    child = os.fork()
    if child == 0:
        same = all(np.array_equal(rnnfast.rnn_forward(x, w, u, b)[0], right) for _ in range(3))
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
print("all right")
"""
    assert run_python(code).stdout.strip() == "all right"


@pytest.mark.parametrize("isa", _cpu.supported_isas())
def test_an_instruction_set_can_be_forced(isa: str) -> None:
    code = (
        "import rnnfast; print(rnnfast.isa(), rnnfast.plan(seq_len=1, batch=1, input_size=1, hidden_size=1).explain())"
    )
    done = run_python(code, RNNFAST_ISA=isa)
    assert done.stdout.startswith(isa)
    assert f"instruction set {isa}" in done.stdout


def test_an_instruction_set_that_the_processor_lacks_cannot_be_forced() -> None:
    code = "import rnnfast; print('imported'); rnnfast.plan(seq_len=1, batch=1, input_size=1, hidden_size=1)"
    done = run_python(code, RNNFAST_ISA="avx9000")
    assert done.stdout.strip() == "imported"
    assert "RuntimeError: RNNFAST_ISA: expected one of" in done.stderr
    assert "got 'avx9000'" in done.stderr


def test_import_needs_numpy_alone() -> None:
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("rich", "safetensors", "scipy", "pooch", "matplotlib", "torch", "cupy", "numba"):
            raise ImportError(f"{name} was imported")
sys.meta_path.insert(0, Refuse())
import rnnfast
print(rnnfast.__version__)
"""
    done = run_python(code)
    assert done.stdout.strip() == rnnfast.__version__, done.stderr
