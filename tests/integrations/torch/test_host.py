"""The way of tensors into the compiled kernels: by DLPack's C exchange API, or by NumPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch_operands import BATCH, HIDDEN_SIZE, INPUT_SIZE, SEQ_LEN, arguments  # noqa: E402

import rnnfast.torch  # noqa: E402
from rnnfast import functional  # noqa: E402
from rnnfast.torch.host import HOST  # noqa: E402
from rnnfast.torch.operands import Options  # noqa: E402

has_exchange = pytest.mark.skipif(
    not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"), reason="this torch has no C exchange API"
)


def tensors(dtype: Any = torch.float32) -> dict[str, Any]:
    """With the axis of layers that states have in the operators."""
    given = arguments(torch.float32, requires_grad=False)
    given["h0"] = given["h0"].unsqueeze(0)
    return {name: tensor.to(dtype) for name, tensor in given.items()}


def both_passes(given: dict[str, Any], **options: Any) -> list[Any]:
    """All results of both passes, and in 16 bits through float32, which no NumPy lacks."""
    values = {**dict.fromkeys(("h0", "lengths", "mask", "recurrent_mask")), **given}
    x, w_ih, w_hh, b, b_hh = (values.pop(name) for name in ("x", "w_ih", "w_hh", "b", "b_hh"))
    rest = [values[name] for name in ("h0", "lengths", "mask", "recurrent_mask")]
    y, h_n = HOST.forward(x, w_ih, w_hh, b, b_hh, *rest, *Options(**options))
    gradients = HOST.backward(y, h_n, True, x, y, w_ih, w_hh, *rest, *Options(**options))
    return [y, h_n, *gradients]


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "lengths": {"lengths": torch.tensor([5, 0, 2])},
    "mask": {"mask": torch.tensor([[0, 1, 1], [1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 0, 0]]).bool()},
    "recurrent_mask": {"recurrent_mask": torch.tensor([[0.0, 2, 2, 0]] * BATCH)},
    "no biases": {"b": None, "b_hh": None},
    "one bias": {"b": None},
    "no h0": {"h0": None},
}


@has_exchange
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_tensors_go_in_as_they_are(case: str, dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called that takes arrays, and the results have the bits of those that arrays give."""
    given = {**tensors(dtype), **CASES[case]}
    if "recurrent_mask" in given:
        given["recurrent_mask"] = given["recurrent_mask"].to(dtype)
    options = {"activation": "leaky_relu", "alpha": 0.25, "reverse": True}
    expected = both_passes({name: _strided(value) for name, value in given.items()}, **options)
    monkeypatch.setattr(functional, "rnn_forward", None)
    monkeypatch.setattr(functional, "rnn_backward", None)
    got = both_passes(given, **options)
    for a, b in zip(got, expected, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert torch.equal(a, b)


def _strided(value: Any) -> Any:
    """The same numbers, not one after the other."""
    return value.repeat_interleave(2, -1)[..., ::2] if isinstance(value, torch.Tensor) else value


@has_exchange
def test_outputs_own_their_memory() -> None:
    y, h_n, *gradients = both_passes(tensors())
    kept = [tensor.clone() for tensor in (y, h_n, *gradients)]
    for _ in range(5):
        both_passes({name: 2 * value for name, value in tensors().items()})
    assert all(torch.equal(a, b) for a, b in zip((y, h_n, *gradients), kept, strict=True))
    assert len({tensor.data_ptr() for tensor in (y, h_n, *gradients)}) == 2 + len(gradients)


def _kernel() -> Any:
    sizes = {"seq_len": SEQ_LEN, "batch": BATCH, "input_size": INPUT_SIZE, "hidden_size": HIDDEN_SIZE}
    return rnnfast.plan(**sizes, backend="cpu").kernel  # type: ignore[attr-defined]


WRONG: dict[str, Any] = {
    "an array": np.zeros((SEQ_LEN, BATCH, INPUT_SIZE), np.float32),
    "no tensor": 3,
    "another dtype": torch.zeros(SEQ_LEN, BATCH, INPUT_SIZE, dtype=torch.float64),
    "four axes": torch.zeros(1, SEQ_LEN, BATCH, INPUT_SIZE),
    "another size": torch.zeros(SEQ_LEN, BATCH, INPUT_SIZE + 1),
    "another order of memory": torch.zeros(BATCH, SEQ_LEN, INPUT_SIZE).transpose(0, 1),
    "repeated": torch.zeros(1, BATCH, INPUT_SIZE).expand(SEQ_LEN, -1, -1),
    "no memory": torch.zeros(SEQ_LEN, BATCH, INPUT_SIZE, device="meta"),
    "sparse": torch.zeros(SEQ_LEN, BATCH, INPUT_SIZE).to_sparse(),
    "not aligned": torch.zeros(4 * SEQ_LEN * BATCH * INPUT_SIZE + 4, dtype=torch.uint8)[1:-3],
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_in_the_planned_form_is_not_taken(case: str) -> None:
    x = WRONG[case]
    if case == "not aligned":
        x = torch.frombuffer(memoryview(x.numpy()), dtype=torch.float32).view(SEQ_LEN, BATCH, INPUT_SIZE)
        assert x.data_ptr() % 4
    given = tensors()
    weights = given["w_ih"], given["w_hh"], (given["b"], given["b_hh"])
    assert _kernel().forward_tensors(x, *weights, given["h0"], None, None) is None
    assert _kernel().backward_tensors(None, x, x, *weights[:2], given["h0"], None, None, None) is None


@pytest.mark.parametrize("name", ["x", "h0"])
def test_numbers_that_stand_with_another_sign(name: str) -> None:
    """What torch calls the negative bit: the tensor's memory is the negative of what it holds."""
    given = tensors()
    expected, _ = rnnfast.torch.rnn_forward(**{**given, "h0": given["h0"][0]})
    given[name] = torch._neg_view(-given[name])
    assert given[name].is_neg()
    got, _ = rnnfast.torch.rnn_forward(**{**given, "h0": given["h0"][0]})
    assert torch.equal(got, expected)


@pytest.mark.parametrize("turned", [0, 1])
def test_gradients_that_come_with_another_sign(turned: int) -> None:
    given = tensors()
    gradients = []
    for sign in (lambda tensor: tensor, lambda tensor: torch._neg_view(-tensor)):
        x = given["x"].clone().requires_grad_()
        y, h_n = rnnfast.torch.rnn_forward(x, given["w_ih"], given["w_hh"], given["b"])
        ones = [torch.ones_like(y), torch.ones_like(h_n)]
        ones[turned] = sign(ones[turned])
        torch.autograd.backward((y, h_n), ones)
        gradients.append(x.grad)
    assert torch.equal(*gradients)
