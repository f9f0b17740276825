"""RNN against torch.nn.RNN, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import RNN

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

OPTIONS = st.fixed_dictionaries(
    {
        "input_size": st.integers(1, 6),
        "hidden_size": st.integers(1, 18),
        "num_layers": st.integers(1, 3),
        "nonlinearity": st.sampled_from(["tanh", "relu"]),
        "bias": st.booleans(),
        "batch_first": st.booleans(),
        "bidirectional": st.booleans(),
        "dtype": st.sampled_from(["float32", "float64"]),
    }
)
CALLS = st.fixed_dictionaries(
    {
        "seq_len": st.integers(1, 9),
        "batch": st.integers(1, 6),
        "layout": st.sampled_from(["batched", "packed", "unbatched"]),
        "h0": st.booleans(),
        "dy": st.booleans(),
        "dh_n": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
    }
)


@pytest.fixture(scope="session")
def torch() -> Iterator[ModuleType]:
    """On one thread: what is so small is no faster on more, and slower where the processors are taken."""
    module = pytest.importorskip("torch", reason="torch is not installed (extra: peers)")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


@settings(max_examples=1300, deadline=None)
@given(OPTIONS, CALLS)
def test_rnn(agree: Callable[..., None], torch: Any, options: dict[str, Any], call: dict[str, Any]) -> None:
    rng = np.random.default_rng(call["seed"])
    torch.manual_seed(call["seed"])
    theirs = torch.nn.RNN(**{**options, "dtype": getattr(torch, options["dtype"])})
    ours = RNN(**options)
    ours.load_state_dict(theirs.state_dict())

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(options["dtype"])

    seq_len, batch, size = call["seq_len"], call["batch"], options["input_size"]
    sequences = [] if call["layout"] == "unbatched" else [batch]
    steps = [*sequences, seq_len] if options["batch_first"] else [seq_len, *sequences]
    states = [options["num_layers"] * (1 + options["bidirectional"]), *sequences, options["hidden_size"]]
    x, h0 = draw(*steps, size), draw(*states) if call["h0"] else None
    lengths = rng.integers(1, seq_len + 1, batch) if call["layout"] == "packed" else None
    y, h_n = ours(x, h0, lengths, training=True)
    dy, dh_n = draw(*y.shape), draw(*h_n.shape)
    gradients = ours.backward(dy if call["dy"] else None, dh_n if call["dh_n"] else None)

    their_x = torch.from_numpy(x).requires_grad_()
    their_h0 = torch.from_numpy(np.zeros(states, options["dtype"]) if h0 is None else h0).requires_grad_()
    their_y, their_h_n = run(torch, theirs, their_x, None if h0 is None else their_h0, lengths, seq_len)
    loss = 0 * their_y.sum()
    loss = loss + (their_y * torch.from_numpy(dy)).sum() if call["dy"] else loss
    loss = loss + (their_h_n * torch.from_numpy(dh_n)).sum() if call["dh_n"] else loss
    loss.backward()
    right = {"y": their_y.detach(), "h_n": their_h_n.detach(), "dx": their_x.grad}
    right |= {name: parameter.grad for name, parameter in theirs.named_parameters()}
    got = {"y": y, "h_n": h_n, "dx": gradients.dx, **gradients.parameters}
    if h0 is not None:
        right["dh0"], got["dh0"] = their_h0.grad, gradients.dh0
    agree("torch", (options, {**call, "seed": None}), got, right)


def run(torch: Any, rnn: Any, x: Any, h0: Any, lengths: np.ndarray | None, seq_len: int) -> tuple[Any, Any]:
    """torch's y, padded with zeros up to seq_len, and h_n."""
    if lengths is None:
        return rnn(x, h0)  # type: ignore[no-any-return]
    lay = {"batch_first": rnn.batch_first}
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.from_numpy(lengths), enforce_sorted=False, **lay)
    y, h_n = rnn(packed, h0)
    return torch.nn.utils.rnn.pad_packed_sequence(y, total_length=seq_len, **lay)[0], h_n
