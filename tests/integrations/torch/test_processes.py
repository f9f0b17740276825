"""More than one process: data-parallel training, and workers that load data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import rnnfast  # noqa: E402
import rnnfast.torch  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_two_processes_end_with_the_weights_of_one(run_python, tmp_path: Path) -> None:
    """Ten steps of DistributedDataParallel over gloo, and as many of one process on the joint batch."""
    program, loopback = str(EXAMPLES / "torch_ddp.py"), {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, start in (("one.npz", []), ("two.npz", launcher)):
        result = run_python(*start, program, str(tmp_path / name), **loopback)
        assert result.returncode == 0, result.stderr
        assert f"Step 10: loss 0.0778 of process 1 of {1 + (start == launcher)}" in result.stdout
    one, two = (np.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert len(one.files) == 8
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-6, err_msg=name)


def test_example(run_python) -> None:
    result = run_python(str(EXAMPLES / "torch_rnn.py"), "200")
    assert (result.returncode, result.stderr) == (0, "")
    accuracy = re.fullmatch(r"Replaced: 1\nAccuracy: (0\.\d+)\n", result.stdout)
    assert accuracy, result.stdout
    assert float(accuracy[1]) > 0.9


class Encoded(Dataset):
    """Sequences that a recurrence on more than one thread has read."""

    def __init__(self) -> None:
        self.rnn = rnnfast.torch.RNN(40, 100)

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        generator = torch.Generator().manual_seed(index)
        with torch.no_grad():
            return self.rnn(torch.randn(20, 16, 40, generator=generator))[1]


@pytest.mark.filterwarnings("ignore")  # newer Pythons warn of every fork
def test_workers_that_load_data() -> None:
    """Forked where threads of the kernels are running already, they compute the same."""
    threads = rnnfast.get_num_threads()
    rnnfast.set_num_threads(2)
    try:
        data = Encoded()
        here = [*DataLoader(data, batch_size=2)]
        there = [*DataLoader(data, batch_size=2, num_workers=2, multiprocessing_context="fork")]
    finally:
        rnnfast.set_num_threads(threads)
    assert len(here) == 4
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_without_torch(run_python) -> None:
    result = run_python("-c", "import sys; sys.modules['torch'] = None; import rnnfast.torch")
    assert result.returncode == 1
    assert "rnnfast.torch needs torch: pip install 'rnnfast[torch]'" in result.stderr


def test_rnnfast_alone_does_not_import_torch(run_python) -> None:
    result = run_python("-c", "import rnnfast, sys; assert 'torch' not in sys.modules")
    assert (result.returncode, result.stderr) == (0, "")
