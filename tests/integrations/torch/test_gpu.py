"""The operators on a GPU, as far as that can be seen without one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from rnnfast.backends import REGISTRY  # noqa: E402
from rnnfast.torch.gpu import GpuKernels  # noqa: E402
from rnnfast.torch.host import HOST  # noqa: E402
from rnnfast.torch.operands import Options  # noqa: E402

OPTIONS = None, None, None, None, *Options()


def tensors() -> tuple[Any, ...]:
    torch.manual_seed(0)
    return torch.randn(5, 3, 2), torch.randn(4, 2), torch.randn(4, 4), torch.randn(4), torch.randn(4)


def test_without_cupy_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REGISTRY["cupy"], "unavailable", lambda: "CuPy is not installed: pip install cupy-cuda12x")
    with pytest.raises(RuntimeError, match=r"'cupy' cannot run here: CuPy is not installed: pip install"):
        GpuKernels("cupy").forward(*tensors(), *OPTIONS)


def test_the_device_and_stream_of_torch_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for CuPy and the backend `reference`, on tensors that say that they lie on a GPU."""
    entered: list[Any] = []

    @contextmanager
    def enter(*what: Any) -> Any:
        entered.append(what)
        yield
        entered.append("left")

    cuda = SimpleNamespace(Device=lambda index: enter("device", index), ExternalStream=lambda at: enter("stream", at))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda, from_dlpack=np.from_dlpack))
    monkeypatch.setattr(REGISTRY["cupy"], "unavailable", lambda: None)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: SimpleNamespace(cuda_stream=1234))
    monkeypatch.setattr(GpuKernels, "is_here", staticmethod(lambda tensor: True))
    expected = HOST.forward(*tensors(), *OPTIONS)
    got = GpuKernels("reference").forward(*tensors(), *OPTIONS)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert entered == [("device", None), ("stream", 1234), "left", "left"]
