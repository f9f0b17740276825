"""The operators: their gradients, and what torch puts them through."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch_operands import BATCH, HIDDEN_SIZE, arguments  # noqa: E402

import rnnfast.torch  # noqa: E402
from rnnfast import Activation  # noqa: E402
from rnnfast.torch.operands import Options  # noqa: E402

OPTIONS: list[dict[str, Any]] = [
    {},
    {"reverse": True, "lengths": torch.tensor([5, 0, 2])},
    {"mask": torch.tensor([[0, 1, 1], [1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 0, 0]]).bool(), "masked_output": "hold"},
    {"recurrent_mask": torch.tensor([[0.0, 2, 2, 0]] * BATCH, dtype=torch.float64), "activation": "sigmoid"},
    {"activation": "leaky_relu", "alpha": 0.3, "clip": 1.5},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_gradients_by_finite_differences(options: dict[str, Any]) -> None:
    given = arguments()

    named = {name: value for name, value in options.items() if name not in ("activation", "alpha")}
    activation = Activation(options.get("activation", "tanh"), alpha=options.get("alpha"))

    def forward(*tensors: Any) -> Any:
        inputs = dict(zip(given, tensors, strict=True))
        return rnnfast.torch.rnn_forward(**inputs, **named, activation=activation)

    assert torch.autograd.gradcheck(forward, tuple(given.values()))


def positional(given: dict[str, Any], **options: Any) -> tuple[Any, ...]:
    """As the operator takes them."""
    names = "x", "w_ih", "w_hh", "b", "b_hh", "h0", "lengths", "mask", "recurrent_mask"
    given = {**dict.fromkeys(names), **Options()._asdict(), **given, **options}
    return tuple(given[name] for name in (*names, *Options._fields))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_checks_the_operators(options: dict[str, Any], dtype: Any) -> None:
    """Schema, derivative, fake tensors, and all of it in a traced graph of dynamic shapes."""
    options = {name: option.to(dtype) if name == "recurrent_mask" else option for name, option in options.items()}
    given = arguments(dtype)
    given["h0"] = given["h0"].detach().unsqueeze(0).requires_grad_()
    inputs = positional(given, **options)
    torch.library.opcheck(torch.ops.rnnfast.rnn_forward.default, inputs)
    inputs = tuple(each.detach() if isinstance(each, torch.Tensor) else each for each in inputs)
    y, h_n = torch.ops.rnnfast.rnn_forward(*inputs)
    x, w_ih, w_hh, _, _, *others = inputs
    for wants_dx in (True, False):
        inputs = (y, h_n, wants_dx, x, y, w_ih, w_hh, *others)
        torch.library.opcheck(torch.ops.rnnfast.rnn_backward.default, inputs)


def test_the_operator_is_what_the_short_way_computes() -> None:
    """Both have the same bits, and so have their gradients."""
    results = []

    def operator(h0: Any, **given: Any) -> Any:
        return torch.ops.rnnfast.rnn_forward(*positional({**given, "h0": h0.unsqueeze(0)}))

    for call in (rnnfast.torch.rnn_forward, operator):
        given = arguments(torch.float32)
        y, h_n = call(**given)
        (y.sum() + h_n.square().sum()).backward()
        results.append([y, h_n.view(BATCH, HIDDEN_SIZE), *(tensor.grad for tensor in given.values())])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_biases_are_optional_and_add_up() -> None:
    given = arguments(requires_grad=False)
    b, b_hh = given.pop("b"), given.pop("b_hh")
    y = {
        key: rnnfast.torch.rnn_forward(**given, **biases)[0]
        for key, biases in {
            "none": {},
            "zeros": {"b": torch.zeros_like(b)},
            "both": {"b": b, "b_hh": b_hh},
            "sum": {"b": b + b_hh},
            "second": {"b_hh": b + b_hh},
        }.items()
    }
    assert torch.equal(y["none"], y["zeros"])
    assert torch.equal(y["both"], y["sum"])
    assert torch.equal(y["both"], y["second"])


def test_tensors_in_another_order_of_memory() -> None:
    given = arguments(requires_grad=False)
    turned = {name: tensor.mT.contiguous().mT if tensor.ndim > 1 else tensor for name, tensor in given.items()}
    assert not turned["w_hh"].is_contiguous()
    assert torch.equal(rnnfast.torch.rnn_forward(**turned)[0], rnnfast.torch.rnn_forward(**given)[0])


def test_only_the_gradients_that_are_asked_for() -> None:
    given = arguments(requires_grad=False)
    given["w_hh"].requires_grad_()
    y, _ = rnnfast.torch.rnn_forward(**given)
    y.sum().backward()
    assert [name for name, tensor in given.items() if tensor.grad is not None] == ["w_hh"]


@pytest.mark.parametrize("compiled", [False, True])
def test_without_a_gradient_of_x_the_rest_is_the_same(compiled: bool) -> None:
    gradients = []
    for wants_dx in (True, False):
        given = arguments(torch.float32)
        given["x"].requires_grad_(wants_dx)
        call = torch.compile(rnnfast.torch.rnn_forward, backend="aot_eager") if compiled else rnnfast.torch.rnn_forward
        call(**given)[0].square().sum().backward()
        gradients.append([given[name].grad for name in ("w_ih", "w_hh", "b", "h0")])
        assert (given["x"].grad is not None) == wants_dx
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_change_in_place_is_found() -> None:
    given = arguments()
    y, _ = rnnfast.torch.rnn_forward(**given)
    with torch.no_grad():
        given["w_hh"].zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_outputs_share_no_memory_with_what_is_saved() -> None:
    """y is an output of the node and saved by it, so torch sees it being changed."""
    y, _ = rnnfast.torch.rnn_forward(**arguments())
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_vmap_is_a_call_for_each() -> None:
    given = arguments(requires_grad=False)
    many = {name: torch.stack([tensor, 2 * tensor]) for name, tensor in given.items()}
    names = "x", "w_hh"

    def forward(*tensors: Any) -> Any:
        return rnnfast.torch.rnn_forward(**{**given, **dict(zip(names, tensors, strict=True))})

    y, h_n = torch.vmap(forward)(*(many[name] for name in names))
    for index in range(2):
        expected = forward(*(many[name][index] for name in names))
        assert torch.equal(y[index], expected[0])
        assert torch.equal(h_n[index], expected[1])


def test_gradients_go_through_vmap() -> None:
    given = arguments()
    x = torch.stack([given["x"].detach(), 2 * given["x"].detach()])
    others = {name: tensor for name, tensor in given.items() if name != "x"}
    torch.vmap(lambda one: rnnfast.torch.rnn_forward(one, **others)[0].sum())(x).sum().backward()
    got = others["w_hh"].grad.clone()
    others["w_hh"].grad = None
    sum(rnnfast.torch.rnn_forward(one, **others)[0].sum() for one in x).backward()
    torch.testing.assert_close(got, others["w_hh"].grad)


@pytest.mark.parametrize("output", [0, 1])
def test_a_batch_of_gradients(output: int) -> None:
    """A call for each of them."""
    given = arguments()
    result = rnnfast.torch.rnn_forward(**given)[output]
    eye = torch.eye(result.numel(), dtype=result.dtype).view(-1, *result.shape)
    (got,) = torch.autograd.grad(result, given["x"], eye, is_grads_batched=True, retain_graph=True)
    for row, one in zip(got, eye, strict=True):
        (expected,) = torch.autograd.grad(result, given["x"], one, retain_graph=True)
        torch.testing.assert_close(row, expected)


def test_what_there_is_not_says_so() -> None:
    given = arguments()
    others = {name: tensor.detach() for name, tensor in given.items() if name != "x"}

    def loss(x: Any) -> Any:
        return rnnfast.torch.rnn_forward(x, **others)[0].square().sum()

    with pytest.raises(NotImplementedError, match=r"torch\.func\.grad"):
        torch.func.grad(loss)(given["x"].detach())
    (dx,) = torch.autograd.grad(loss(given["x"]), given["x"], create_graph=True)
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        dx.sum().backward()


def test_wrong_arguments_are_named() -> None:
    given = arguments(requires_grad=False)
    with pytest.raises(ValueError, match="w_hh: expected shape"):
        rnnfast.torch.rnn_forward(**{**given, "w_hh": torch.zeros(4, 5, dtype=torch.float64)})
    with pytest.raises(TypeError, match="w_ih: expected dtype float64"):
        rnnfast.torch.rnn_forward(**{**given, "w_ih": given["w_ih"].float()})
    with pytest.raises(ValueError, match="lengths"):
        rnnfast.torch.rnn_forward(**given, lengths=torch.tensor([6, 1, 1]))
    with pytest.raises(ValueError, match="activation"):
        rnnfast.torch.rnn_forward(**given, activation="no such")
