"""What rnnfast.jax says of what it does not take, and of a JAX that is not there."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

from rnnfast.jax import rnn  # noqa: E402

SEQ_LEN, BATCH, INPUTS, UNITS = 5, 3, 2, 4
ARRAYS = {
    "x": np.ones((SEQ_LEN, BATCH, INPUTS), np.float32),
    "w_ih": np.ones((UNITS, INPUTS), np.float32),
    "w_hh": np.ones((UNITS, UNITS), np.float32),
    "b": np.ones(UNITS, np.float32),
    "h0": np.ones((BATCH, UNITS), np.float32),
    "lengths": np.ones(BATCH, np.int32),
}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"x": np.ones((SEQ_LEN, INPUTS), np.float32)},
            ValueError,
            "x: expected shape (seq_len, batch, input_size), got (5, 2)",
        ),
        (
            {"x": np.ones((0, BATCH, INPUTS), np.float32)},
            ValueError,
            "x: expected (seq_len, batch, input_size) of at least 1",
        ),
        (
            {"x": np.ones((SEQ_LEN, BATCH, INPUTS), np.int32)},
            TypeError,
            "x: expected dtype float32 or float64, got int32",
        ),
        (
            {"x": np.ones((SEQ_LEN, BATCH, INPUTS), np.float16)},
            TypeError,
            "x: expected dtype float32 or float64, got float16",
        ),
        (
            {"w_ih": np.ones((INPUTS, UNITS), np.float32)},
            ValueError,
            "w_ih: expected shape (hidden_size, input_size) = (4, 2)",
        ),
        ({"w_hh": np.ones((2, 2, 1), np.float32)}, ValueError, "w_hh: expected shape"),
        ({"b": np.ones(UNITS, np.float16)}, TypeError, "b: expected dtype float32, got float16"),
        (
            {"h0": np.ones((UNITS, BATCH), np.float32)},
            ValueError,
            "h0: expected shape (batch, hidden_size) = (3, 4), got (4, 3)",
        ),
        ({"lengths": np.ones(BATCH, np.float32)}, TypeError, "lengths: expected an integer dtype, got float32"),
        ({"lengths": np.ones(SEQ_LEN, np.int32)}, ValueError, "lengths: expected shape (batch,) = (3,), got (5,)"),
        (
            {"mask": np.ones((SEQ_LEN, BATCH), bool)},
            ValueError,
            "mask: expected None where lengths are given, got both",
        ),
        ({"lengths": None, "mask": np.ones((SEQ_LEN, BATCH))}, TypeError, "mask: expected dtype bool, got float32"),
        (
            {"recurrent_mask": np.ones((UNITS, BATCH), np.float32)},
            ValueError,
            "recurrent_mask: expected shape (batch, hidden_size) = (3, 4), got (4, 3)",
        ),
        (
            {"recurrent_mask": np.ones((BATCH, UNITS), bool)},
            TypeError,
            "recurrent_mask: expected dtype float32, got bool",
        ),
        (
            {"batch_first": True},
            ValueError,
            "h0: expected shape (batch, hidden_size) = (5, 4), got (3, 4)",
        ),
        ({"activation": "tan"}, ValueError, "activation: expected one of"),
        ({"clip": -1.0}, ValueError, "clip: expected more than 0, or None, got -1.0"),
        ({"bptt_steps": 0}, ValueError, "bptt_steps: expected at least 1, got 0"),
        ({"masked_output": "one"}, ValueError, "masked_output: expected one of zero, hold, got 'one'"),
        ({"variant": "lane"}, ValueError, "variant: expected one of auto, panel, lanes, stationary, tiles, got 'lane'"),
        ({"precision": "low"}, ValueError, "precision: expected one of"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*float64.*is not available")
def test_named_when_traced(given: dict[str, Any], error: type[Exception], message: str) -> None:
    """Without running anything."""
    arrays = {**ARRAYS, **given}
    options = {name: arrays.pop(name) for name in tuple(arrays) if not isinstance(arrays[name], np.ndarray)}
    with pytest.raises(error, match=re.escape(message)):
        jax.eval_shape(lambda **arrays: rnn(**arrays, **options), **arrays)


@pytest.mark.parametrize("length", [-1, SEQ_LEN + 1])
def test_a_length_is_refused_when_it_runs(length: int) -> None:
    arrays = {**ARRAYS, "lengths": np.array([1, length, 2])}
    with pytest.raises(Exception, match=f"lengths: expected 0 to seq_len, got {length}"):
        jax.block_until_ready(jax.jit(lambda: rnn(**arrays))())


def test_derivatives_that_there_are_not() -> None:
    def loss(b: Any) -> Any:
        return rnn(**{**ARRAYS, "b": b})[1].sum()

    b = ARRAYS["b"]
    for derivative in (
        lambda: jax.jvp(loss, (b,), (b,)),
        lambda: jax.jit(jax.jacfwd(loss))(b),
        lambda: jax.grad(lambda b: jax.grad(loss)(b).sum())(b),
        lambda: jax.hessian(loss)(b),
    ):
        with pytest.raises(
            NotImplementedError, match=r"rnnfast\.jax\.rnn: expected a first derivative in reverse mode"
        ):
            derivative()


def test_a_recurrent_mask_is_a_constant() -> None:
    kept = np.ones((BATCH, UNITS), np.float32)
    with pytest.raises(NotImplementedError, match=r"recurrent_mask: expected a constant"):
        jax.grad(lambda kept: rnn(**ARRAYS, recurrent_mask=kept)[1].sum())(kept)


def test_other_devices_are_refused() -> None:
    """As a function is compiled for them: they need not be there."""
    traced = jax.jit(lambda: rnn(**ARRAYS)).trace()
    with pytest.raises(NotImplementedError, match=r"rnnfast_forward.*cuda"):
        traced.lower(lowering_platforms=("cuda",))


def test_without_jax(run_python) -> None:
    result = run_python("-c", "import sys; sys.modules['jax'] = None; import rnnfast, rnnfast.jax")
    assert "rnnfast.jax needs jax: pip install 'rnnfast[jax]'" in result.stderr
    assert run_python("-c", "import rnnfast, sys; assert 'jax' not in sys.modules").returncode == 0
