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


MASKED = ["none", "lengths", "mask"]
HEADS = [(1, 8, 8), (2, 4, 4), (4, 2, 2), (8, 1, 1), (8,)]


def problem(masked: str, hidden_size: int = H, recurrent: tuple[int, ...] = (H, H)) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    return {
        "x": rng.standard_normal((T, B, I)),
        "w_ih": rng.standard_normal((hidden_size, I)) * 0.5,
        "w_hh": rng.standard_normal(recurrent) * 0.4,
        "b": rng.standard_normal(hidden_size) * 0.3,
        "h0": rng.standard_normal((B, hidden_size)),
        "lengths": np.array([6, 3, 0, 1]) if masked == "lengths" else None,
        # whole, with a hole, without a valid step, after padding
        "mask": np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 0, 1]], bool)
        if masked == "mask"
        else None,
    }


def valid_times(p: dict[str, Any], row: int) -> np.ndarray:
    """The valid steps of a sequence, in the order of time."""
    if p["mask"] is not None:
        return np.flatnonzero(p["mask"][:, row])
    return np.arange(T if p["lengths"] is None else p["lengths"][row])


def test_forward_is_the_loop_written_out() -> None:
    p = problem("none")
    y, h_n = rnn_forward(**p)
    h = p["h0"]
    for t in range(T):
        h = np.tanh(np.einsum("bi,hi->bh", p["x"][t], p["w_ih"]) + np.einsum("bk,hk->bh", h, p["w_hh"]) + p["b"])
        np.testing.assert_allclose(y[t], h, rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(h_n, y[-1])


@pytest.mark.parametrize("recurrent", HEADS)
def test_heads_are_networks_side_by_side(recurrent: tuple[int, ...]) -> None:
    p = problem("none", 8, recurrent)
    y, h_n = rnn_forward(**p)
    size = 8 // recurrent[0]
    for head, block in enumerate(p["w_hh"].reshape(recurrent[0], size, size)):
        units = slice(head * size, (head + 1) * size)
        alone = {**p, "w_ih": p["w_ih"][units], "w_hh": block, "b": p["b"][units], "h0": p["h0"][:, units]}
        y_alone, h_alone = rnn_forward(**alone)
        np.testing.assert_allclose(y[..., units], y_alone, rtol=1e-13)
        np.testing.assert_allclose(h_n[:, units], h_alone, rtol=1e-13)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_ragged_batch_is_each_sequence_alone(reverse: bool) -> None:
    p = problem("lengths")
    y, h_n = rnn_forward(**p, reverse=reverse)
    for row, length in enumerate(p["lengths"]):
        np.testing.assert_array_equal(y[length:, row], 0)
        if length == 0:
            np.testing.assert_array_equal(h_n[row], p["h0"][row])
            continue
        alone = {**p, "mask": None, "x": p["x"][:length, row : row + 1], "h0": p["h0"][row : row + 1], "lengths": None}
        y_alone, h_alone = rnn_forward(**alone, reverse=reverse)
        np.testing.assert_allclose(y[:length, row], y_alone[:, 0], rtol=1e-13)
        np.testing.assert_allclose(h_n[row], h_alone[0], rtol=1e-13)


@pytest.mark.parametrize("masked_output", ["zero", "hold"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_masked_batch_is_the_valid_steps_of_each_sequence_alone(reverse: bool, masked_output: str) -> None:
    p = problem("mask")
    y, h_n = rnn_forward(**p, reverse=reverse, masked_output=masked_output)
    for row in range(B):
        times, one = valid_times(p, row), slice(row, row + 1)
        state = p["h0"][row]
        if len(times):
            alone = {**p, "x": p["x"][times][:, one], "h0": p["h0"][one], "mask": None}
            y_alone, h_alone = rnn_forward(**alone, reverse=reverse)
            np.testing.assert_allclose(y[times, row], y_alone[:, 0], rtol=1e-13)
            state = h_alone[0]
        np.testing.assert_allclose(h_n[row], state, rtol=1e-13)
        held = p["h0"][row]
        for t in range(T)[:: -1 if reverse else 1]:
            if t in times:
                held = y[t, row]
            else:
                np.testing.assert_array_equal(y[t, row], held if masked_output == "hold" else 0)


def test_reverse_is_time_turned_round() -> None:
    p = problem("none")
    y, h_n = rnn_forward(**p, reverse=True)
    y_turned, h_turned = rnn_forward(**{**p, "x": p["x"][::-1]})
    np.testing.assert_array_equal(y, y_turned[::-1])
    np.testing.assert_array_equal(h_n, h_turned)


@pytest.mark.parametrize(
    ("activation", "clip", "masked", "masked_output", "reverse"),
    list(itertools.product(ACTIVATIONS, [None, 0.6], MASKED, ["zero", "hold"], [False, True])),
)
def test_gradients_by_finite_differences(
    activation: str,
    clip: float | None,
    masked: str,
    masked_output: str,
    reverse: bool,
    numeric_gradient: Callable[..., Any],
) -> None:
    options = {"activation": activation, "clip": clip, "reverse": reverse, "masked_output": masked_output}
    check_gradients(problem(masked), options, numeric_gradient)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", MASKED)
@pytest.mark.parametrize("recurrent", HEADS)
def test_gradients_of_heads_by_finite_differences(
    recurrent: tuple[int, ...], masked: str, reverse: bool, numeric_gradient: Callable[..., Any]
) -> None:
    check_gradients(problem(masked, 8, recurrent), {"activation": "tanh", "reverse": reverse}, numeric_gradient)


def check_gradients(p: dict[str, Any], options: dict[str, Any], numeric_gradient: Callable[..., Any]) -> None:
    rng = np.random.default_rng(8)
    dy, dh_n = rng.standard_normal((T, *p["h0"].shape)), rng.standard_normal(p["h0"].shape)

    def loss() -> float:
        y, h_n = rnn_forward(**p, **options)
        return float((y * dy).sum() + (h_n * dh_n).sum())

    y, _ = rnn_forward(**p, **options)
    given = {name: p[name] for name in ("x", "w_ih", "w_hh", "h0", "lengths", "mask")}
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
@pytest.mark.parametrize("masked", MASKED)
def test_truncation_is_the_windows_one_after_another(bptt_steps: int, reverse: bool, masked: str) -> None:
    """Each sequence alone, window by window in the order of processing, the state handed on and not its gradient."""
    p = problem(masked)
    rng = np.random.default_rng(9)
    dy, dh_n = rng.standard_normal((T, B, H)), rng.standard_normal((B, H))
    y, _ = rnn_forward(**p, reverse=reverse)
    given = {name: p[name] for name in ("x", "w_ih", "w_hh", "h0", "lengths", "mask")}
    grads = rnn_backward(dy, y=y, dh_n=dh_n, **given, reverse=reverse, bptt_steps=bptt_steps)

    dx, dw_ih, dw_hh, db, dh0 = (np.zeros_like(gradient) for gradient in grads[:5])
    for row in range(B):
        times = valid_times(p, row)[:: -1 if reverse else 1]
        length = len(times)
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
    for expected, gradient, name in zip((dx, dw_ih, dw_hh, db, dh0), grads, grads._fields, strict=False):
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12, err_msg=name)


CELL = {
    "recurrent_mask": np.random.default_rng(3).random((B, H)) * 2,
    "zoneout_mask": np.random.default_rng(4).random((T, B, H)) < 0.4,
    "gain": np.random.default_rng(5).standard_normal(H),
}
COMBINATIONS = [names for count in (1, 2, 3) for names in itertools.combinations(CELL, count)]


def cell_options(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: CELL[name].copy() for name in names} | ({"epsilon": 0.1} if "gain" in names else {})


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_cell_options_are_the_loop_written_out(names: tuple[str, ...]) -> None:
    """Unit by unit, the previous state of each by hand."""
    p, cell = problem("none"), cell_options(names)
    y, h_n = rnn_forward(**p, **cell, clip=0.9)
    h = p["h0"]
    for t in range(T):
        now = np.empty_like(h)
        for row in range(B):
            enters = h[row] * cell.get("recurrent_mask", np.ones((B, H)))[row]
            a = np.array([p["w_ih"][j] @ p["x"][t, row] + p["w_hh"][j] @ enters for j in range(H)])
            if "gain" in cell:
                mean = sum(a) / H
                a = cell["gain"] * (a - mean) / np.sqrt(sum((a - mean) ** 2) / H + 0.1)
            for j in range(H):
                keeps = "zoneout_mask" in cell and cell["zoneout_mask"][t, row, j]
                now[row, j] = h[row, j] if keeps else np.tanh(np.clip(a[j] + p["b"][j], -0.9, 0.9))
        h = now
        np.testing.assert_allclose(y[t], h, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(h_n, y[-1])


def test_a_zoneout_rate_is_the_expectation_of_one_step_of_masks() -> None:
    p = problem("none") | {"x": problem("none")["x"][:1]}
    blended, _ = rnn_forward(**p, zoneout=0.3)
    fresh, _ = rnn_forward(**p)
    np.testing.assert_allclose(blended, 0.3 * p["h0"] + 0.7 * fresh, rtol=1e-14)
    np.testing.assert_array_equal(rnn_forward(**p, zoneout=1.0)[0][0], p["h0"])


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
@pytest.mark.parametrize("masked", MASKED)
@pytest.mark.parametrize(("activation", "clip"), [("tanh", None), ("softplus", 0.6)])
@pytest.mark.parametrize(("masked_output", "reverse"), [("zero", False), ("hold", True)])
def test_gradients_with_cell_options_by_finite_differences(
    names: tuple[str, ...],
    masked: str,
    masked_output: str,
    reverse: bool,
    activation: str,
    clip: float | None,
    numeric_gradient: Callable[..., Any],
) -> None:
    p, cell = problem(masked), cell_options(names)
    options = {"activation": activation, "clip": clip, "reverse": reverse, "masked_output": masked_output, **cell}
    rng = np.random.default_rng(8)
    dy, dh_n = rng.standard_normal((T, B, H)), rng.standard_normal((B, H))

    def loss() -> float:
        y, h_n = rnn_forward(**p, **options)
        return float((y * dy).sum() + (h_n * dh_n).sum())

    y, _ = rnn_forward(**p, **options)
    given = {name: p[name] for name in ("x", "w_ih", "w_hh", "h0", "lengths", "mask")}
    grads = rnn_backward(dy, y=y, dh_n=dh_n, **given, **options)
    assert (grads.dgain is None) == ("gain" not in cell)
    for name, gradient in grads._asdict().items():
        if gradient is not None:
            array = cell["gain"] if name == "dgain" else p[name[1:]]
            np.testing.assert_allclose(gradient, numeric_gradient(loss, array), rtol=1e-6, atol=1e-7, err_msg=name)
