"""Models around nn.RNN, as torch exports them."""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")
torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from rnnfast.onnx import load  # noqa: E402  # onnx is there

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch, about its exporter

HEADS = {
    "softmax of every step": lambda net, y, h_n: torch.softmax(net.head(y), -1),
    "last step": lambda net, y, h_n: net.head(y[:, -1] if net.rnn.batch_first else y[-1]),
    "mean": lambda net, y, h_n: torch.log_softmax(net.head(y.mean(1 if net.rnn.batch_first else 0)), -1),
    "last states": lambda net, y, h_n: h_n.transpose(0, 1).flatten(1),
}


class Net(torch.nn.Module):
    def __init__(self, head: str, bidirectional: bool, layers: int, embedded: bool, batch_first: bool) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(20, 4) if embedded else torch.nn.Identity()
        self.rnn = torch.nn.RNN(4, 5, layers, "relu" if layers == 1 else "tanh", True, batch_first, 0.5, bidirectional)
        self.head = torch.nn.Linear(10 if bidirectional else 5, 3)
        self.last = HEADS[head]

    def forward(self, x: Any) -> Any:
        return self.last(self, *self.rnn(self.embedding(x)))


class Packed(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(4, 5, bidirectional=True)

    def forward(self, x: Any, lengths: Any) -> Any:
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=True)
        y, h_n = self.rnn(packed)
        return torch.nn.utils.rnn.pad_packed_sequence(y)[0], h_n


def exported(net: Any, arguments: tuple[Any, ...], names: list[str], axes: dict[str, Any]) -> Any:
    """The model that torch's exporter through TorchScript writes, which has the operator RNN."""
    file = io.BytesIO()
    torch.onnx.export(net.eval(), arguments, file, dynamo=False, input_names=names, dynamic_axes=axes)
    return onnx.load_from_string(file.getvalue())


@pytest.mark.parametrize("head", HEADS)
def test_script_exporter(head: str) -> None:
    """For sizes of another batch than it was exported with."""
    for options in itertools.product((False, True), (1, 2), (False, True), (False, True)):
        torch.manual_seed(0)
        net, embedded = Net(head, *options), options[2]
        small, large = (
            torch.randint(0, 20, shape) if embedded else torch.randn(*shape, 4) for shape in ((3, 6), (5, 9))
        )
        proto = exported(net, (small,), ["x"], {"x": {0: "one", 1: "other"}})
        assert "RNN" in {node.op_type for node in proto.graph.node}
        with torch.no_grad():
            expected = net(large).numpy()
        np.testing.assert_allclose(load(proto)(large.numpy()), expected, rtol=1e-5, atol=1e-6)


def test_packed_sequences() -> None:
    torch.manual_seed(0)
    net, x, lengths = Packed(), torch.randn(6, 3, 4), torch.tensor([6, 4, 1])
    proto = exported(net, (x, lengths), ["x", "lengths"], {"x": {0: "time", 1: "batch"}, "lengths": {0: "batch"}})
    with torch.no_grad():
        expected = net(x, lengths)
    for result, wanted in zip(load(proto)(x.numpy(), lengths.numpy()), expected, strict=True):
        np.testing.assert_allclose(result, wanted.numpy(), rtol=1e-5, atol=1e-6)


functional = torch.nn.functional
AROUND = {
    "layer normalisation": (torch.nn.LayerNorm(5), lambda layer, x, y: layer(y)),
    "batch normalisation": (torch.nn.BatchNorm1d(5), lambda layer, x, y: layer(y.transpose(1, 2))),
    "convolution": (torch.nn.Conv1d(4, 5, 3, 2, 2, 2), lambda layer, x, y: layer(x.transpose(1, 2))),
    "prelu": (torch.nn.PReLU(), lambda layer, x, y: layer(y)),
    "gelu": (None, lambda layer, x, y: functional.gelu(y) + functional.gelu(x.sum(), approximate="tanh")),
    "celu, mish, hardswish": (None, lambda layer, x, y: functional.celu(functional.mish(functional.hardswish(y)))),
    "last valid step": (None, lambda layer, x, y: y[torch.arange(x.shape[0]), (x[:, :, 0] > 0).sum(1) - 1]),
    "one step by gather": (None, lambda layer, x, y: y.gather(1, y.argmax(1, keepdim=True) * 0 + 2).squeeze(1)),
    "pooling": (
        None,
        lambda layer, x, y: torch.cat([pool(y.transpose(1, 2), 1) for pool in POOLS], 1).squeeze(-1),
    ),
    "padding": (None, lambda layer, x, y: functional.pad(y, (0, 0, 1, 2), value=0.5)),
    "log of a sum": (None, lambda layer, x, y: y.logsumexp(-1) + torch.sin(x[:, :, 0]).round()),
    "one-hot": (None, lambda layer, x, y: functional.one_hot(y.argmax(-1), 5)),
    "einsum": (None, lambda layer, x, y: torch.tril(torch.einsum("bth,bsh->bts", y, y))),
    "not a number": (None, lambda layer, x, y: torch.nan_to_num(y / (y * 0))),
    "assignment": (None, lambda layer, x, y: y.index_put((torch.tensor([0]),), torch.tensor(0.5))),
}
POOLS = functional.adaptive_max_pool1d, functional.adaptive_avg_pool1d


class Around(torch.nn.Module):
    """A recurrence, and what often stands beside one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        layer, self.function = AROUND[kind]
        self.rnn, self.layer = torch.nn.RNN(4, 5, batch_first=True), layer

    def forward(self, x: Any) -> Any:
        return self.function(self.layer, x, self.rnn(x)[0])


@pytest.mark.parametrize("kind", AROUND)
def test_what_stands_around(kind: str) -> None:
    torch.manual_seed(0)
    net = Around(kind)
    for weight in net.buffers():  # statistics of batch normalisation
        weight.add_(1)
    proto = exported(net, (torch.randn(3, 6, 4),), ["x"], {"x": {0: "one", 1: "other"}})
    x = torch.randn(5, 9, 4)
    with torch.no_grad():
        expected = net(x).numpy()
    result = load(proto)(x.numpy())
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_dynamo_exporter() -> None:
    """Which writes out every step of a fixed number of them, without the operator RNN."""
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    torch.manual_seed(0)
    net, x = Net("mean", True, 2, True, True).eval(), torch.randint(0, 20, (3, 6))
    proto = torch.onnx.export(net, (x,), dynamo=True, verbose=False).model_proto
    with torch.no_grad():
        expected = net(x).numpy()
    np.testing.assert_allclose(load(proto)(x.numpy()), expected, rtol=1e-5, atol=1e-6)
