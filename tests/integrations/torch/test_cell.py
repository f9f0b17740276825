"""RNNCell against torch.nn.RNNCell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed (extra: torch)")

from torch import nn  # noqa: E402

import rnnfast.torch  # noqa: E402

OPTIONS = st.fixed_dictionaries(
    {
        "input_size": st.integers(1, 6),
        "hidden_size": st.integers(1, 18),
        "bias": st.booleans(),
        "nonlinearity": st.sampled_from(["tanh", "relu"]),
        "dtype": st.sampled_from([torch.float32, torch.float64]),
    }
)


@settings(max_examples=60, deadline=None)
@given(OPTIONS, st.integers(0, 5), st.booleans(), st.booleans())
def test_every_option(assert_close: Any, options: dict[str, Any], batch: int, unbatched: bool, has_hx: bool) -> None:
    torch.manual_seed(batch)
    theirs = nn.RNNCell(**options)
    torch.manual_seed(batch)
    ours = rnnfast.torch.RNNCell(**options)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    axes = [] if unbatched else [batch]
    x = torch.randn(*axes, options["input_size"], dtype=options["dtype"])
    hx = torch.randn(*axes, options["hidden_size"], dtype=options["dtype"])
    factors, results = torch.randn_like(hx), []
    for module in (theirs, ours):
        leaves = [x.clone().requires_grad_(), hx.clone().requires_grad_()]
        state = module(*leaves) if has_hx else module(leaves[0])
        (state * factors).sum().backward()
        used = leaves if has_hx else leaves[:1]
        results.append([state, *(leaf.grad for leaf in used), *(each.grad for each in module.parameters())])
    for got, expected in zip(results[1], results[0], strict=True):
        assert_close(got, expected)


@pytest.mark.parametrize(
    ("x", "hx", "named"),
    [
        (torch.zeros(2, 4), None, "input: expected input_size 3"),
        (torch.zeros(2, 2, 3), None, "input: expected 1 or 2 axes"),
        (torch.zeros(2, 3), torch.zeros(3, 4), "hx: expected shape"),
        (torch.zeros(2, 3), torch.zeros(1, 2, 4), "hx: expected 1 or 2 axes"),
        (torch.zeros(2, 3), torch.zeros(2, 4).double(), "hx: expected dtype"),
    ],
)
def test_bad_input_raises_what_torch_raises(x: Any, hx: Any, named: str) -> None:
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        nn.RNNCell(3, 4)(x, hx)
    with pytest.raises(theirs.type, match=named):
        rnnfast.torch.RNNCell(3, 4)(x, hx)


def test_unknown_nonlinearity() -> None:
    with pytest.raises(ValueError, match="nonlinearity"):
        rnnfast.torch.RNNCell(3, 4, nonlinearity="sigmoid")
