"""replace: every nn.RNN of a model in place."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch import nn  # noqa: E402

import rnnfast.torch  # noqa: E402


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(3, 4, num_layers=2, dropout=0.5, batch_first=True)
        self.others = nn.ModuleList([nn.LSTM(3, 4), nn.Sequential(nn.RNN(4, 4, bidirectional=True))])
        self.shared = self.rnn

    def forward(self, x: Any) -> Any:
        y, _ = self.rnn(x)
        return self.others[1](y)[0]


def test_the_model_computes_what_it_did() -> None:
    model, x = Model().eval(), torch.randn(2, 5, 3)
    expected, before = model(x), dict(model.named_parameters())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert rnnfast.torch.replace(model) == 2
    assert type(model.rnn) is type(model.others[1][0]) is rnnfast.torch.RNN
    assert type(model.others[0]) is nn.LSTM
    torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-5)
    assert all(parameter is before[name] for name, parameter in model.named_parameters())
    assert model.shared is model.rnn
    model(x).square().sum().backward()
    optimizer.step()
    assert not torch.allclose(model(x), expected, atol=1e-3)
    assert rnnfast.torch.replace(model) == 0


def test_mode_and_hooks_stay() -> None:
    model, calls = Model(), []
    model.rnn.eval()
    model.rnn.register_forward_hook(lambda *_: calls.append("after"))
    rnnfast.torch.replace(model)
    assert (model.rnn.training, model.others[1][0].training) == (False, True)
    model(torch.randn(2, 5, 3))
    assert calls == ["after"]


def test_a_model_that_is_one() -> None:
    model = nn.RNN(3, 4, nonlinearity="relu")
    assert rnnfast.torch.replace(model) == 1
    assert isinstance(model, rnnfast.torch.RNN)
    assert model.precision == "highest"
    assert model(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)


def test_subclasses_are_left() -> None:
    class Own(nn.RNN):
        pass

    model = nn.Sequential(Own(3, 4))
    assert rnnfast.torch.replace(model) == 0
    assert type(model[0]) is Own


def test_no_module() -> None:
    with pytest.raises(TypeError, match=r"model: expected a torch.nn.Module, got dict"):
        rnnfast.torch.replace({})
