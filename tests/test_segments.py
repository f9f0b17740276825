"""Constant-memory training: the bits of the whole pass, and memory that does not grow with its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnfast
from rnnfast import checkpointed_backward, checkpointed_forward

T, B, I, H = 1500, 9, 100, 40  # noqa: E741


def arguments(seq_len: int = T) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"x": (seq_len, B, I), "w_ih": (H, I), "w_hh": (H, H), "b": (H,), "h0": (B, H), "dh_n": (B, H)}
    return {name: (0.3 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def valid_steps(masked: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    if masked == "lengths":
        return {"lengths": rng.integers(0, T + 1, B)}
    return {"mask": rng.random((T, B)) < rng.random(B)} if masked == "mask" else {}


@pytest.mark.parametrize(
    ("variant", "recurrent"),
    [("panel", (H, H)), ("lanes", (H, H)), ("stationary", (H, H)), ("panel", (5, H // 5, H // 5)), ("panel", (H,))],
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", ["none", "lengths", "mask"])
@pytest.mark.parametrize("checkpoint_every", [1, 700])
def test_the_bits_of_the_whole_pass(
    checkpoint_every: int, masked: str, reverse: bool, variant: str, recurrent: tuple[int, ...]
) -> None:
    a = arguments()
    a["w_hh"] = np.resize(a["w_hh"], recurrent)
    given = [a[name] for name in ("x", "w_ih", "w_hh", "b")]
    options: dict[str, Any] = {**valid_steps(masked), "reverse": reverse, "variant": variant}
    y, h_n = rnnfast.rnn_forward(*given, h0=a["h0"], **options)
    dy = np.random.default_rng(2).standard_normal(y.shape).astype(np.float32)
    right = rnnfast.rnn_backward(dy, *given[:1], y, *given[1:3], h0=a["h0"], dh_n=a["dh_n"], bptt_steps=300, **options)

    outputs, inputs = np.full_like(y, np.nan), np.full_like(a["x"], np.nan)
    states, last = checkpointed_forward(
        *given, h0=a["h0"], checkpoint_every=checkpoint_every, on_y=outputs.__setitem__, **options
    )
    assert 1 < len(states) <= -(-T // checkpoint_every)
    np.testing.assert_array_equal(outputs, y)
    np.testing.assert_array_equal(last, h_n)

    def dy_of(times: slice, segment: np.ndarray) -> np.ndarray:
        np.testing.assert_array_equal(segment, y[times])
        return dy[times]

    again: dict[str, Any] = {**options, "dh_n": a["dh_n"], "checkpoint_every": checkpoint_every, "bptt_steps": 300}
    whole = checkpointed_backward(dy, given[0], states, *given[1:], **again)
    for name, gradient in whole._asdict().items():
        np.testing.assert_array_equal(gradient, getattr(right, name), err_msg=name)
    streamed = checkpointed_backward(dy_of, given[0], states, *given[1:], on_dx=inputs.__setitem__, **again)
    assert streamed.dx.shape == (0, B, I)
    for name, gradient in streamed._replace(dx=inputs)._asdict().items():
        np.testing.assert_array_equal(gradient, getattr(right, name), err_msg=name)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", ["none", "mask"])
def test_the_bits_of_the_whole_pass_with_cell_options(masked: str, reverse: bool) -> None:
    a, rng = arguments(), np.random.default_rng(3)
    given = [a[name] for name in ("x", "w_ih", "w_hh", "b")]
    options: dict[str, Any] = {
        **valid_steps(masked),
        "reverse": reverse,
        "recurrent_mask": rng.random((B, H), np.float32),
        "zoneout_mask": rng.random((T, B, H)) < 0.2,
        "gain": rng.random(H, np.float32),
        "epsilon": 1e-3,
    }
    y, h_n = rnnfast.rnn_forward(*given, h0=a["h0"], **options)
    right = rnnfast.rnn_backward(y, *given[:1], y, *given[1:3], h0=a["h0"], dh_n=a["dh_n"], **options)
    states, last = checkpointed_forward(*given, h0=a["h0"], checkpoint_every=500, **options)
    assert len(states) > 1
    np.testing.assert_array_equal(last, h_n)
    again = checkpointed_backward(y, given[0], states, *given[1:], dh_n=a["dh_n"], checkpoint_every=500, **options)
    for name, gradient in again._asdict().items():
        np.testing.assert_array_equal(gradient, getattr(right, name), err_msg=name)


def test_the_reference_gives_its_own_bits() -> None:
    a = arguments(seq_len=20)
    given = [a[name] for name in ("x", "w_ih", "w_hh", "b")]
    y, _ = rnnfast.rnn_forward(*given, h0=a["h0"], backend="reference")
    right = rnnfast.rnn_backward(None, given[0], y, *given[1:3], h0=a["h0"], dh_n=a["dh_n"], backend="reference")
    states, _ = checkpointed_forward(*given, h0=a["h0"], checkpoint_every=3, backend="reference")
    grads = checkpointed_backward(
        None, given[0], states, *given[1:], dh_n=a["dh_n"], checkpoint_every=3, backend="reference"
    )
    for gradient, expected in zip(grads[:5], right[:5], strict=True):
        np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (0, ValueError, "checkpoint_every: expected at least 1, got 0"),
        (-3, ValueError, "checkpoint_every: expected at least 1, got -3"),
        (2.5, TypeError, "checkpoint_every: expected an integer, got 2.5"),
        (None, TypeError, "checkpoint_every: expected an integer, got None"),
    ],
)
def test_bad_checkpoint_every(value: Any, error: type[Exception], message: str) -> None:
    a = arguments(seq_len=5)
    with pytest.raises(error, match=f"^{message}"):
        checkpointed_forward(a["x"], a["w_ih"], a["w_hh"], a["b"], checkpoint_every=value)
    with pytest.raises(error, match=f"^{message}"):
        checkpointed_backward(None, a["x"], a["h0"][None], a["w_ih"], a["w_hh"], a["b"], checkpoint_every=value)


def test_bad_states_and_gradients() -> None:
    a = arguments(seq_len=5)
    rest = a["w_ih"], a["w_hh"], a["b"]
    with pytest.raises(ValueError, match=r"^states: expected shape \(1, 9, 40\), got \(2, 9, 40\)"):
        checkpointed_backward(None, a["x"], np.zeros((2, B, H), np.float32), *rest, checkpoint_every=5)
    with pytest.raises(TypeError, match=r"^states: expected dtype float32, got float64"):
        checkpointed_backward(None, a["x"], np.zeros((1, B, H)), *rest, checkpoint_every=5)
    with pytest.raises(ValueError, match=r"^dy: expected shape \(5, 9, 40\), got \(9, 40\)"):
        checkpointed_backward(lambda times, y: y[0], a["x"], a["h0"][None], *rest, checkpoint_every=5)


LONG = """
import resource, sys
import numpy as np
import rnnfast
seq_len, batch, hidden, checkpoint_every = (int(a) for a in sys.argv[1:])
rng = np.random.default_rng(0)
x = rng.random((seq_len, batch, 16), dtype=np.float32)
shapes = (hidden, 16), (hidden, hidden), hidden
w_ih, w_hh, b = (0.5 * hidden**-0.5 * rng.standard_normal(s, dtype=np.float32) for s in shapes)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before = peak()
states, h_n = rnnfast.checkpointed_forward(x, w_ih, w_hh, b, checkpoint_every=checkpoint_every)
grads = rnnfast.checkpointed_backward(
    lambda times, y: y, x, states, w_ih, w_hh, b, dh_n=h_n, checkpoint_every=checkpoint_every,
    on_dx=lambda times, dx: None,
)
assert all(np.isfinite(gradient).all() for gradient in grads[:5])
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("seq_len", "batch", "hidden_size", "most"),
    [
        (8000, 16, 128, 0.75),  # of the outputs alone
        pytest.param(100_000, 16, 256, 2**30 / (100_000 * 16 * 256 * 4), marks=pytest.mark.exhaustive),
    ],
)
def test_memory_does_not_grow_with_the_outputs(run_python, seq_len: int, batch: int, hidden_size: int, most: float):
    done = run_python("-c", LONG, *(str(n) for n in (seq_len, batch, hidden_size, 300)))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < most * seq_len * batch * hidden_size * 4
