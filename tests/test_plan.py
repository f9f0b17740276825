"""Plans: what they choose, what they say, what they refuse."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rnnfast

SIZES: dict[str, Any] = {"seq_len": 6, "batch": 4, "input_size": 3, "hidden_size": 5}


def test_a_plan_computes_what_the_functions_do() -> None:
    rng = np.random.default_rng(0)
    x, w_ih, w_hh, b = (rng.standard_normal(s).astype(np.float32) for s in ((6, 4, 3), (5, 3), (5, 5), (5,)))
    plan = rnnfast.plan(**SIZES, activation="relu")
    y, h_n = plan.forward(x, w_ih, w_hh, b)
    for planned, given in zip((y, h_n), rnnfast.rnn_forward(x, w_ih, w_hh, b, activation="relu"), strict=True):
        np.testing.assert_array_equal(planned, given)
    grads = plan.backward(y, x, y, w_ih, w_hh)
    for planned, given in zip(grads[:5], rnnfast.rnn_backward(y, x, y, w_ih, w_hh, activation="relu")[:5], strict=True):
        np.testing.assert_array_equal(planned, given)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_plan_refuses_arrays_of_other_sizes(backend: str) -> None:
    plan = rnnfast.plan(**SIZES, backend=backend)
    good = [np.ones(shape, np.float32) for shape in ((6, 4, 3), (5, 3), (5, 5), (5,))]
    with pytest.raises(ValueError, match=r"^x: expected shape .* = \(6, 4, 3\), got \(7, 4, 3\)"):
        plan.forward(np.ones((7, 4, 3), np.float32), *good[1:])
    with pytest.raises(TypeError, match=r"^w_hh: expected dtype float32, got float64"):
        plan.forward(*good[:2], np.ones((5, 5)), good[3])


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_options_of_the_cell_need_their_flag(backend: str) -> None:
    arrays = [np.ones(shape, np.float32) for shape in ((6, 4, 3), (5, 3), (5, 5), (5,))]
    y = np.ones((6, 4, 5), np.float32)
    plain, normalised = rnnfast.plan(**SIZES, backend=backend), rnnfast.plan(**SIZES, backend=backend, layer_norm=True)
    for name, value, flag in (
        ("recurrent_mask", np.ones((4, 5), np.float32), "recurrent_dropout"),
        ("zoneout_mask", np.ones((6, 4, 5), bool), "zoneout"),
        ("gain", np.ones(5, np.float32), "layer_norm"),
    ):
        message = rf"^{name}: expected none for a plan without {flag}=True, got an array"
        with pytest.raises(ValueError, match=message):
            plain.forward(*arrays, **{name: value})
        with pytest.raises(ValueError, match=message):
            plain.backward(y, arrays[0], y, *arrays[1:3], **{name: value})
    with pytest.raises(ValueError, match=r"^zoneout: expected none for a plan without zoneout=True, got 0\.5"):
        plain.forward(*arrays, zoneout=0.5)
    with pytest.raises(ValueError, match=r"^gain: expected an array .* for a plan with layer_norm=True, got None"):
        normalised.forward(*arrays)
    with pytest.raises(ValueError, match=r"^gain: expected an array .* for a plan with layer_norm=True, got None"):
        normalised.backward(y, arrays[0], y, *arrays[1:3])


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"seq_len": 0}, ValueError, "seq_len: expected at least 1, got 0"),
        ({"batch": -1}, ValueError, "batch: expected at least 1, got -1"),
        ({"input_size": 2.5}, TypeError, "input_size: expected an integer, got 2.5"),
        ({"hidden_size": True}, TypeError, "hidden_size: expected an integer, got True"),
        ({"heads": 2}, ValueError, "heads: expected a divisor of hidden_size = 5, got 2"),
        ({"heads": 10}, ValueError, "heads: expected a divisor of hidden_size = 5, got 10"),
        ({"heads": 0}, ValueError, "heads: expected at least 1, got 0"),
        ({"heads": True}, TypeError, "heads: expected an integer, got True"),
        ({"heads": 1.0}, TypeError, "heads: expected an integer, got 1.0"),
        ({"dtype": "int8"}, ValueError, "dtype: expected one of float32, float64, bfloat16, float16, got 'int8'"),
        ({"backend": "cuda"}, ValueError, "backend: expected one of auto, cpu, cupy, numba, reference, got 'cuda'"),
        ({"recurrent_dropout": 0.5}, TypeError, "recurrent_dropout: expected a bool, got 0.5"),
        ({"zoneout": 0.1}, TypeError, "zoneout: expected a bool, got 0.1"),
        ({"layer_norm": None}, TypeError, "layer_norm: expected a bool, got None"),
        ({"epsilon": float("inf")}, ValueError, "epsilon: expected a finite number above 0, got inf"),
        ({"variant": "fastest"}, ValueError, "variant: expected one of auto, .*, got 'fastest'"),
    ],
)
def test_bad_options(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.plan(**{**SIZES, **changed})


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize(
    ("heads", "form", "given"),
    [
        (1, r"\(hidden_size, hidden_size\) = \(6, 6\)", (2, 3, 3)),
        (1, r"\(hidden_size, hidden_size\) = \(6, 6\)", (6,)),
        (2, r"\(heads, hidden_size / heads, hidden_size / heads\) = \(2, 3, 3\)", (6, 6)),
        (2, r"\(heads, hidden_size / heads, hidden_size / heads\) = \(2, 3, 3\)", (3, 2, 2)),
        (6, r"\(hidden_size,\) = \(6,\)", (6, 6)),
        (6, r"\(hidden_size,\) = \(6,\)", (2, 3, 3)),
    ],
)
def test_a_plan_refuses_recurrent_weights_of_other_heads(
    heads: int, form: str, given: tuple[int, ...], backend: str
) -> None:
    plan = rnnfast.plan(**{**SIZES, "hidden_size": 6}, heads=heads, backend=backend)
    x, w_ih, b = (np.ones(shape, np.float32) for shape in ((6, 4, 3), (6, 3), (6,)))
    with pytest.raises(ValueError, match=rf"^w_hh: expected shape {form}, got {re.escape(str(given))}"):
        plan.forward(x, w_ih, np.ones(given, np.float32), b)


def test_auto_is_the_compiled_backend_and_explains_itself() -> None:
    text = rnnfast.plan(**SIZES).explain()
    assert text.startswith("cpu/")
    assert rnnfast.isa() in text
    assert "true float32" in rnnfast.plan(**SIZES, precision="high").explain()


def test_variants_are_listed_with_the_problems_they_accept() -> None:
    for status in rnnfast.backends():
        for variant in rnnfast.variants(status.name):
            assert variant.name
            assert variant.strategy
            assert variant.accepts
    with pytest.raises(ValueError, match=r"^backend: expected one of cpu, cupy, numba, reference, got 'gpu'"):
        rnnfast.variants("gpu")
