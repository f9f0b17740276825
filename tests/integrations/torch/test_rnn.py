"""RNN against torch.nn.RNN: every option, forward and every gradient."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch import nn  # noqa: E402
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence  # noqa: E402

import rnnfast.torch  # noqa: E402

OPTIONS = st.fixed_dictionaries(
    {
        "input_size": st.integers(1, 6),
        "hidden_size": st.integers(1, 18),
        "num_layers": st.integers(1, 3),
        "nonlinearity": st.sampled_from(["tanh", "relu"]),
        "bias": st.booleans(),
        "batch_first": st.booleans(),
        "bidirectional": st.booleans(),
        "dtype": st.sampled_from([torch.float32, torch.float64]),
    }
)
CALLS = st.fixed_dictionaries(
    {
        "seq_len": st.integers(1, 9),
        "batch": st.integers(0, 6),
        "layout": st.sampled_from(["batched", "packed", "sorted", "unbatched"]),
        "dropout": st.sampled_from([0.0, 0.4]),
        "training": st.booleans(),
        "hx": st.booleans(),
        "dy": st.booleans(),
        "dh_n": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
    }
)


@settings(max_examples=250, deadline=None)
@given(OPTIONS, CALLS)
def test_every_option(assert_close: Any, options: dict[str, Any], call: dict[str, Any]) -> None:
    torch.manual_seed(call["seed"])
    kind = {"dtype": options["dtype"]}
    is_packed = call["layout"] in ("packed", "sorted")
    # A module of one layer warns of dropout; of packed sequences torch drops other elements.
    rate = call["dropout"] if options["num_layers"] > 1 and not is_packed else 0.0
    theirs = nn.RNN(**options, dropout=rate).train(call["training"])
    ours = rnnfast.torch.RNN(**options, dropout=rate).train(call["training"])
    ours.load_state_dict(theirs.state_dict())
    x, lengths = inputs(options, call)
    hx_batch = [] if call["layout"] == "unbatched" else [batch_size(call)]
    hx_shape = [options["num_layers"] * (1 + options["bidirectional"]), *hx_batch, options["hidden_size"]]
    hx = torch.randn(hx_shape, **kind) if call["hx"] else None

    results, factors = [], None
    for module in (theirs, ours):
        leaves = {"x": x.clone().requires_grad_()}
        if hx is not None:
            leaves["hx"] = hx.clone().requires_grad_()
        given_x = leaves["x"]
        if lengths is not None:
            sort = {"batch_first": options["batch_first"], "enforce_sorted": call["layout"] == "sorted"}
            given_x = pack_padded_sequence(given_x, lengths, **sort)
        torch.manual_seed(call["seed"])  # of dropout
        y, h_n = module(given_x, leaves.get("hx"))
        assert isinstance(y, PackedSequence) == is_packed
        if is_packed:
            for indices in ("batch_sizes", "sorted_indices", "unsorted_indices"):
                expected = getattr(given_x, indices)
                assert getattr(y, indices) is expected or torch.equal(getattr(y, indices), expected)
            y = y.data
        factors = factors or [torch.randn_like(each) for each in (y.detach(), h_n.detach())]
        loss = 0 * y.sum()
        loss = loss + (y * factors[0]).sum() if call["dy"] else loss
        loss = loss + (h_n * factors[1]).sum() if call["dh_n"] else loss
        loss.backward()
        gradients = {name: tensor.grad for name, tensor in [*leaves.items(), *module.named_parameters()]}
        results.append({"y": y, "h_n": h_n, **gradients})
    for name, expected in results[0].items():
        got = results[1][name]
        if got is None or expected is None:
            zero = torch.zeros(1) if got is expected else (expected if got is None else got)
            assert not zero.any(), name
        else:
            assert_close(got, expected, name)


def batch_size(call: dict[str, Any]) -> int:
    return max(call["batch"], 1) if call["layout"] in ("packed", "sorted") else call["batch"]


def inputs(options: dict[str, Any], call: dict[str, Any]) -> tuple[Any, Any]:
    """x in the layout of the call, and the lengths of packed sequences."""
    sequences = [] if call["layout"] == "unbatched" else [batch_size(call)]
    axes = [*sequences, call["seq_len"]] if options["batch_first"] else [call["seq_len"], *sequences]
    x = torch.randn(*axes, options["input_size"], dtype=options["dtype"])
    if call["layout"] not in ("packed", "sorted"):
        return x, None
    lengths = torch.randint(1, call["seq_len"] + 1, (sequences[0],))
    return x, lengths.sort(descending=True).values if call["layout"] == "sorted" else lengths


@pytest.mark.parametrize("layers", [1, 2])
def test_same_seed_same_initial_values(layers: int) -> None:
    torch.manual_seed(3)
    theirs = nn.RNN(4, 5, layers, bidirectional=True)
    torch.manual_seed(3)
    ours = rnnfast.torch.RNN(4, 5, layers, bidirectional=True)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    before = torch.get_rng_state()
    ours.reset_parameters()
    torch.set_rng_state(before)
    theirs.reset_parameters()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_weights_load_both_ways() -> None:
    theirs, ours = nn.RNN(4, 5), rnnfast.torch.RNN(4, 5)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    with pytest.raises(RuntimeError, match="weight_ih_l0"):
        ours.load_state_dict(nn.RNN(3, 5).state_dict())


def test_positional_arguments_are_those_of_torch() -> None:
    arguments, kind = (4, 5, 2, "relu", False, True, 0.5, True), {"device": "cpu", "dtype": torch.float64}
    ours = rnnfast.torch.RNN(*arguments, **kind)
    assert repr(ours) == repr(nn.RNN(*arguments, **kind))
    assert (ours.nonlinearity, ours.weight_hh_l1.dtype) == ("relu", torch.float64)


@pytest.mark.parametrize(
    ("x", "hx", "named"),
    [
        (torch.zeros(0, 2, 3), None, "input: expected at least one step"),
        (torch.zeros(2, 2, 3, dtype=torch.float64), None, "input: expected dtype torch.float32"),
        (torch.zeros(2, 2, 4), None, "input: expected input_size 3"),
        (torch.zeros(2, 2, 3, 4), None, "input: expected 2 or 3 axes"),
        (torch.zeros(2, 2, 3, device="meta"), None, "input: expected device cpu, got meta"),
        (torch.zeros(2, 2, 3), torch.zeros(1, 2, 4, dtype=torch.float64), "hx: expected dtype torch.float32"),
        (torch.zeros(2, 2, 3), torch.zeros(1, 3, 4), "hx: expected shape"),
        (torch.zeros(2, 2, 3), torch.zeros(2, 4), "hx: expected shape"),
        (torch.zeros(2, 3), torch.zeros(1, 2, 4), "hx: expected shape"),
        (pack_sequence([torch.zeros(2, 4)]), None, "input: expected input_size 3"),
        (pack_sequence([torch.zeros(2, 3)]), torch.zeros(1, 2, 4), "hx: expected shape"),
    ],
)
def test_bad_input_raises_what_torch_raises(x: Any, hx: Any, named: str) -> None:
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        nn.RNN(3, 4)(x, hx)
    with pytest.raises(theirs.type, match=named):
        rnnfast.torch.RNN(3, 4)(x, hx)


@pytest.mark.parametrize("x", [[1.0], None])
def test_no_tensor(x: Any) -> None:
    with pytest.raises(TypeError, match="input: expected a Tensor or a PackedSequence, got"):
        rnnfast.torch.RNN(3, 4)(x)


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"nonlinearity": "sigmoid"}, ValueError, "nonlinearity"),
        ({"dropout": 2.0}, ValueError, "dropout"),
        ({"num_layers": 0}, ValueError, "num_layers"),
        ({"bias": 1}, TypeError, "bias"),
        ({"precision": "low"}, ValueError, "precision"),
    ],
)
def test_bad_options(options: dict[str, Any], error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        rnnfast.torch.RNN(3, 4, **options)


def test_a_copy_is_a_module_of_its_own() -> None:
    ours, x = rnnfast.torch.RNN(3, 4, precision="high"), torch.randn(5, 2, 3)
    other = copy.deepcopy(ours)
    assert (other.precision, other.extra_repr()) == ("high", "3, 4")
    expected = ours(x)[0]
    with torch.no_grad():
        ours.weight_hh_l0.zero_()
    assert torch.equal(other(x)[0], expected)


def test_parameters_of_another_call() -> None:
    """`torch.func.functional_call` takes other parameters than the module's own."""
    ours, x = rnnfast.torch.RNN(3, 4), torch.randn(5, 2, 3)
    zeros = {name: torch.zeros_like(parameter) for name, parameter in ours.named_parameters()}
    assert not torch.func.functional_call(ours, zeros, (x,))[0].any()
    assert ours(x)[0].any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_is_computed_in_float32(dtype: Any) -> None:
    """Stored values are rounded, and what is in between is not: errors do not grow over the steps."""
    ours = rnnfast.torch.RNN(3, 4, dtype=dtype)
    wide = rnnfast.torch.RNN(3, 4)
    wide.load_state_dict(ours.state_dict())
    x = torch.randn(50, 2, 3).to(dtype)
    tolerance = {torch.float16: 2**-10, torch.bfloat16: 2**-7}[dtype]
    outputs = {}
    for name, module, given_x in (("half", ours, x), ("wide", wide, x.float())):
        y, h_n = module(given_x)
        y.sum().backward()
        outputs[name] = y, h_n, *(parameter.grad for parameter in module.parameters())
    for half, single in zip(outputs["half"], outputs["wide"], strict=True):
        assert half.dtype == dtype
        torch.testing.assert_close(half.float(), single, rtol=8 * tolerance, atol=4 * tolerance)
