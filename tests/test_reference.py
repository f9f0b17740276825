"""The specification against finite differences and against a loop written out by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnfast.pointwise import ACTIVATIONS
from rnnfast.reference import rnn_backward, rnn_forward

T, B, I, H = 6, 4, 3, 5  # noqa: E741


def problem(lengths: bool) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    return {
        "x": rng.standard_normal((T, B, I)),
        "w_ih": rng.standard_normal((H, I)) * 0.5,
        "w_hh": rng.standard_normal((H, H)) * 0.4,
        "b": rng.standard_normal(H) * 0.3,
        "h0": rng.standard_normal((B, H)),
        "lengths": np.array([6, 3, 0, 1]) if lengths else None,
    }


def test_forward_is_the_loop_written_out() -> None:
    p = problem(lengths=False)
    y, h_n = rnn_forward(**p)
    h = p["h0"]
    for t in range(T):
        h = np.tanh(np.einsum("bi,hi->bh", p["x"][t], p["w_ih"]) + np.einsum("bk,hk->bh", h, p["w_hh"]) + p["b"])
        np.testing.assert_allclose(y[t], h, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(h_n, y[-1])


@pytest.mark.parametrize("reverse", [False, True])
def test_a_ragged_batch_is_each_sequence_alone(reverse: bool) -> None:
    p = problem(lengths=True)
    y, h_n = rnn_forward(**p, reverse=reverse)
    for row, length in enumerate(p["lengths"]):
        np.testing.assert_array_equal(y[length:, row], 0)
        if length == 0:
            np.testing.assert_array_equal(h_n[row], p["h0"][row])
            continue
        alone = {**p, "x": p["x"][:length, row : row + 1], "h0": p["h0"][row : row + 1], "lengths": None}
        y_alone, h_alone = rnn_forward(**alone, reverse=reverse)
        np.testing.assert_allclose(y[:length, row], y_alone[:, 0], rtol=1e-13)
        np.testing.assert_allclose(h_n[row], h_alone[0], rtol=1e-13)


def test_reverse_is_time_turned_round() -> None:
    p = problem(lengths=False)
    y, h_n = rnn_forward(**p, reverse=True)
    y_turned, h_turned = rnn_forward(**{**p, "x": p["x"][::-1]})
    np.testing.assert_array_equal(y, y_turned[::-1])
    np.testing.assert_array_equal(h_n, h_turned)


@pytest.mark.parametrize(
    ("activation", "clip", "lengths", "reverse"),
    list(itertools.product(ACTIVATIONS, [None, 0.6], [False, True], [False, True])),
)
def test_gradients_by_finite_differences(
    activation: str, clip: float | None, lengths: bool, reverse: bool, numeric_gradient: Callable[..., Any]
) -> None:
    p = problem(lengths)
    options = {"activation": activation, "clip": clip, "reverse": reverse}
    rng = np.random.default_rng(8)
    dy, dh_n = rng.standard_normal((T, B, H)), rng.standard_normal((B, H))

    def loss() -> float:
        y, h_n = rnn_forward(**p, **options)
        return float((y * dy).sum() + (h_n * dh_n).sum())

    y, _ = rnn_forward(**p, **options)
    given = {name: p[name] for name in ("x", "w_ih", "w_hh", "h0", "lengths")}
    grads = rnn_backward(dy, y=y, dh_n=dh_n, **given, **options)
    for name, gradient in (
        ("x", grads.dx),
        ("w_ih", grads.dw_ih),
        ("w_hh", grads.dw_hh),
        ("b", grads.db),
        ("h0", grads.dh0),
    ):
        expected = numeric_gradient(loss, p[name])
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bptt_steps", [1, 2, 4, 6, 9])
@pytest.mark.parametrize("lengths", [False, True])
def test_truncation_is_the_windows_one_after_another(bptt_steps: int, reverse: bool, lengths: bool) -> None:
    """Each sequence alone, window by window in the order of processing, the state handed on and not its gradient."""
    p = problem(lengths)
    rng = np.random.default_rng(9)
    dy, dh_n = rng.standard_normal((T, B, H)), rng.standard_normal((B, H))
    y, _ = rnn_forward(**p, reverse=reverse)
    given = {name: p[name] for name in ("x", "w_ih", "w_hh", "h0", "lengths")}
    grads = rnn_backward(dy, y=y, dh_n=dh_n, **given, reverse=reverse, bptt_steps=bptt_steps)

    dx, dw_ih, dw_hh, db, dh0 = (np.zeros_like(gradient) for gradient in grads)
    for row in range(B):
        length = T if p["lengths"] is None else int(p["lengths"][row])
        times = np.arange(length)[::-1] if reverse else np.arange(length)
        state, one = p["h0"][row : row + 1], slice(row, row + 1)
        if length == 0:
            dh0[row] = dh_n[row]
        for start in range(0, length, bptt_steps):
            window = times[start : start + bptt_steps]
            last = start + bptt_steps >= length
            x = p["x"][window][:, one]
            out, after = rnn_forward(x, p["w_ih"], p["w_hh"], p["b"], h0=state)
            part = rnn_backward(
                dy[window][:, one], x, out, p["w_ih"], p["w_hh"], h0=state, dh_n=dh_n[one] if last else None
            )
            dx[window, row] = part.dx[:, 0]
            dw_ih, dw_hh, db = dw_ih + part.dw_ih, dw_hh + part.dw_hh, db + part.db
            if start == 0:
                dh0[row] = part.dh0[0]
            state = after
    for expected, gradient, name in zip((dx, dw_ih, dw_hh, db, dh0), grads, grads._fields, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12, err_msg=name)
