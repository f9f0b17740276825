"""What torch traces: torch.compile, torch.export, autocast, fake and meta tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch import nn  # noqa: E402

import rnnfast.torch  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns of itself here


class Tagger(nn.Module):
    """Two directions and two layers between what a compiler fuses."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = rnnfast.torch.RNN(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.dense = nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        y, h_n = self.rnn(x.relu())
        return self.dense(y).tanh(), h_n


def results(model: Any, module: nn.Module, x: Any) -> list[Any]:
    module.zero_grad()
    y, h_n = model(x)
    (y.sum() + h_n.square().sum()).backward()
    return [y, h_n, *(parameter.grad.clone() for parameter in module.parameters())]


def test_compile_of_the_full_graph(assert_close: Any) -> None:
    tagger = Tagger()
    compiled = torch.compile(tagger, fullgraph=True)
    for seq_len in (5, 6):
        x = torch.randn(2, seq_len, 3)
        for got, expected in zip(results(compiled, tagger, x), results(tagger, tagger, x), strict=True):
            assert_close(got, expected)


def test_export_of_a_dynamic_length(assert_close: Any) -> None:
    tagger = Tagger().eval()
    axes = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("seq_len")}}
    exported = torch.export.export(tagger, (torch.randn(2, 5, 3),), dynamic_shapes=axes)
    calls = [str(node.target) for node in exported.graph.nodes if "rnnfast" in str(node.target)]
    assert calls == ["rnnfast.rnn_forward.default"] * 4
    for batch, seq_len in ((2, 5), (3, 17), (2, 2)):
        x = torch.randn(batch, seq_len, 3)
        for got, expected in zip(exported.module()(x), tagger(x), strict=True):
            assert_close(got, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_computes_in_float32(dtype: Any) -> None:
    ours, x = rnnfast.torch.RNN(3, 4), torch.randn(5, 2, 3).to(dtype)
    with torch.autocast("cpu", dtype=dtype):
        y, h_n = ours(x)
    assert (y.dtype, h_n.dtype) == (torch.float32, torch.float32)
    assert torch.equal(y, ours(x.float())[0])
    y.sum().backward()
    assert ours.weight_hh_l0.grad.dtype == torch.float32


def test_between_layers_of_autocast() -> None:
    """What is before it comes in 16 bits, and goes back in 16 bits."""
    dense, ours = nn.Linear(3, 3), rnnfast.torch.RNN(3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = dense(torch.randn(5, 2, 3))
        y, _ = ours(hidden)
    hidden.retain_grad()
    y.sum().backward()
    assert (hidden.dtype, hidden.grad.dtype, dense.weight.grad.dtype) == (torch.bfloat16, torch.bfloat16, torch.float32)


def test_meta_tensors_have_the_right_shapes() -> None:
    ours = rnnfast.torch.RNN(3, 4, 2, bidirectional=True, device="meta", dtype=torch.float64)
    y, h_n = ours(torch.randn(5, 2, 3, device="meta", dtype=torch.float64))
    assert (y.shape, h_n.shape) == ((5, 2, 8), (4, 2, 4))
    assert {y.dtype, h_n.dtype} == {torch.float64}
    assert y.is_meta


def test_a_watcher_sees_the_operators() -> None:
    """A mode that intercepts operators gets them: the short way is not taken then."""
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = []

    class Watcher(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(str(function))
            return function(*args, **(kwargs or {}))

    with Watcher():
        rnnfast.torch.RNN(3, 4)(torch.randn(5, 2, 3))[0].sum().backward()
    assert [name for name in seen if "rnnfast" in name] == [
        "rnnfast.rnn_forward.default",
        "rnnfast.rnn_backward.default",
    ]


def test_fx_has_the_modules_for_leaves() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.cell = rnnfast.torch.RNN(3, 4), rnnfast.torch.RNNCell(4, 2)

        def forward(self, x: Any, hx: Any) -> Any:
            return self.cell(self.rnn(x, hx)[0][-1])

    model, x, hx = Model(), torch.randn(5, 2, 3), torch.randn(1, 2, 4)
    traced = torch.fx.symbolic_trace(model)
    assert [node.target for node in traced.graph.nodes if node.op == "call_module"] == ["rnn", "cell"]
    assert torch.equal(traced(x, hx), model(x, hx))


def test_the_exporter_to_onnx_writes_the_operator(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")
    import rnnfast.onnx

    model, x = rnnfast.torch.RNN(3, 4, 2, bidirectional=True), torch.randn(5, 2, 3)
    torch.onnx.export(model, (x,), str(tmp_path / "m.onnx"), dynamo=False, input_names=["x"], output_names=["y", "h_n"])
    assert [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node].count("RNN") == 2
    got = rnnfast.onnx.load(tmp_path / "m.onnx").run({"x": x.numpy()})
    for name, expected in zip(("y", "h_n"), model(x), strict=True):
        np.testing.assert_allclose(got[name], expected.detach(), atol=1e-6)
