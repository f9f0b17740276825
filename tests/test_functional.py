"""The front door: arguments in every form, results, and errors that name what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rnnfast

T, B, I, H = 6, 4, 3, 5  # noqa: E741
BACKENDS = [status.name for status in rnnfast.backends() if status.unavailable is None]


def arguments(**changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return {"x": normal(T, B, I), "w_ih": normal(H, I), "w_hh": normal(H, H), "b": normal(H), **changed}


def backward_arguments(**changed: Any) -> dict[str, Any]:
    a = arguments()
    y, _ = rnnfast.rnn_forward(**a)
    del a["b"]
    return {**a, "y": y, "dy": np.ones_like(y), **changed}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Exported:
    """An array of which only DLPack is known."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def strided(array: np.ndarray) -> np.ndarray:
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def unaligned(array: np.ndarray) -> np.ndarray:
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    raw[...] = array
    return raw


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "reversed": lambda array: array[::-1].copy()[::-1],
    "transposed memory": lambda array: np.ascontiguousarray(array.T).T,
    "unaligned": unaligned,
    "read only": read_only,
    "DLPack": Exported,
}


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_of_array_gives_the_same_bits(form: str, backend: str) -> None:
    a = arguments(h0=np.ones((B, H), np.float32), lengths=np.array([6, 0, 3, 2]))
    y, h_n = rnnfast.rnn_forward(**a, backend=backend)
    y_form, h_form = rnnfast.rnn_forward(**{name: FORMS[form](value) for name, value in a.items()}, backend=backend)
    np.testing.assert_array_equal(y_form, y)
    np.testing.assert_array_equal(h_form, h_n)
    b = backward_arguments(h0=a["h0"], lengths=a["lengths"], dh_n=h_n)
    grads = rnnfast.rnn_backward(**b, backend=backend)
    grads_form = rnnfast.rnn_backward(**{name: FORMS[form](value) for name, value in b.items()}, backend=backend)
    for gradient, gradient_form in zip(grads[:5], grads_form[:5], strict=True):
        np.testing.assert_array_equal(gradient_form, gradient)


@pytest.mark.parametrize("form", list(FORMS))
def test_a_mask_in_every_form(form: str, backend: str) -> None:
    mask = np.random.default_rng(1).random((T, B)) < 0.5
    y, _ = rnnfast.rnn_forward(**arguments(), mask=mask, backend=backend)
    given, _ = rnnfast.rnn_forward(**arguments(), mask=FORMS[form](mask), backend=backend)
    np.testing.assert_array_equal(given, y)
    assert (y[~mask] == 0).all()
    assert (y[mask] != 0).all()


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint64])
def test_lengths_of_any_integer_type(dtype: type, backend: str) -> None:
    a = arguments()
    lengths = np.array([6, 0, 3, 2])
    y, _ = rnnfast.rnn_forward(**a, lengths=lengths, backend=backend)
    np.testing.assert_array_equal(rnnfast.rnn_forward(**a, lengths=lengths.astype(dtype), backend=backend)[0], y)


def test_out_takes_the_result(backend: str) -> None:
    a = arguments()
    y, h_n = rnnfast.rnn_forward(**a, backend=backend)
    out = np.full((T, B, H), np.nan, np.float32)
    given, h_out = rnnfast.rnn_forward(**a, backend=backend, out=out)
    assert given is out
    np.testing.assert_array_equal(out, y)
    np.testing.assert_array_equal(h_out, h_n)


def test_gradients_are_named(backend: str) -> None:
    grads = rnnfast.rnn_backward(**backward_arguments(), backend=backend)
    assert grads._fields == ("dx", "dw_ih", "dw_hh", "db", "dh0", "dgain")
    assert [gradient.shape for gradient in grads[:5]] == [(T, B, I), (H, I), (H, H), (H,), (B, H)]


@pytest.mark.parametrize("shape", [(H,), (H, 1, 1), (1, H, H)])
def test_the_gradient_of_recurrent_weights_has_their_shape(shape: tuple[int, ...], backend: str) -> None:
    a = backward_arguments(w_hh=np.full(shape, 0.5, np.float32))
    assert rnnfast.rnn_backward(**a, backend=backend).dw_hh.shape == shape


@pytest.mark.parametrize("shape", [(H,), (H, 1, 1), (1, H, H)])
@pytest.mark.parametrize("form", list(FORMS))
def test_heads_in_every_form(form: str, shape: tuple[int, ...], backend: str) -> None:
    w_hh = np.random.default_rng(2).standard_normal(shape).astype(np.float32)
    y, _ = rnnfast.rnn_forward(**arguments(w_hh=w_hh), backend=backend)
    given, _ = rnnfast.rnn_forward(**arguments(w_hh=FORMS[form](w_hh)), backend=backend)
    np.testing.assert_array_equal(given, y)


def test_absent_gradients_are_zero(backend: str) -> None:
    zeros = {"dy": np.zeros((T, B, H), np.float32), "dh_n": np.zeros((B, H), np.float32)}
    dh_n = np.ones((B, H), np.float32)
    for given, spelled_out in (({"dy": None, "dh_n": dh_n}, {**zeros, "dh_n": dh_n}), ({}, {"dh_n": zeros["dh_n"]})):
        left = rnnfast.rnn_backward(**backward_arguments(**given), backend=backend)
        right = rnnfast.rnn_backward(**backward_arguments(**spelled_out), backend=backend)
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("changed", [{}, {"x": "strided"}, {"dtype": np.float16}], ids=str)
def test_without_dx_the_rest_is_the_same(changed: dict[str, Any], backend: str) -> None:
    a = backward_arguments()
    if changed.get("x"):
        a["x"] = strided(a["x"])
    for name in ("x", "y", "dy"):
        a[name] = a[name].astype(changed.get("dtype", np.float32))
    whole, rest = (rnnfast.rnn_backward(**a, backend=backend, wants_dx=wants) for wants in (True, False))
    assert whole.dx.shape == (T, B, I)
    assert rest.dx is None
    for name in ("dw_ih", "dw_hh", "db", "dh0"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(whole, name), err_msg=name)


f32 = np.float32
FORWARD_ERRORS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"x": np.ones((T, B), f32)}, ValueError, r"x: expected shape \(seq_len, batch, input_size\), got \(6, 4\)"),
    ({"x": np.ones((0, B, I), f32)}, ValueError, r"x: expected .* at least 1 each, got \(0, 4, 3\)"),
    ({"x": np.ones((T, B, I), int)}, TypeError, r"x: expected dtype float32 or float64 or .*, got int64"),
    ({"x": np.ones((T, B, I), ">f4")}, TypeError, r"x: expected dtype float32, got >f4"),
    ({"x": [[[1.0]]]}, TypeError, r"x: expected a NumPy array or one that speaks DLPack, got list"),
    ({"x": None}, TypeError, r"x: expected a NumPy array .* got NoneType"),
    (
        {"w_ih": np.ones((I, H), f32)},
        ValueError,
        r"w_ih: expected shape \(hidden_size, input_size\) = \(5, 3\), got \(3, 5\)",
    ),
    ({"w_ih": np.ones((H, I))}, TypeError, r"w_ih: expected dtype float32, got float64"),
    ({"w_hh": np.ones((H, I), f32)}, ValueError, r"w_hh: expected shape .* = \(5, 5\), got \(5, 3\)"),
    (
        {"w_hh": np.ones((1, 1, H, H), f32)},
        ValueError,
        r"w_hh: expected shape \(hidden_size, hidden_size\) or \(hidden_size,\) or \(heads, hidden_size / heads, "
        r"hidden_size / heads\), got \(1, 1, 5, 5\)",
    ),
    ({"w_hh": np.ones((2, 5, 2), f32)}, ValueError, r"w_hh: expected shape .*, got \(2, 5, 2\)"),
    ({"w_hh": np.ones((1, H, H))}, TypeError, r"w_hh: expected dtype float32, got float64"),
    ({"w_hh": np.ones((0, 2, 2), f32)}, ValueError, r"w_hh: expected .* at least 1 each, got \(0, 2, 2\)"),
    (
        {"w_hh": np.ones((2, 2, 2), f32)},
        ValueError,
        r"w_ih: expected shape \(hidden_size, input_size\) = \(4, 3\), got \(5, 3\)",
    ),
    (
        {"w_hh": np.ones(H - 1, f32)},
        ValueError,
        r"w_ih: expected shape \(hidden_size, input_size\) = \(4, 3\), got \(5, 3\)",
    ),
    ({"w_hh": np.ones((0, 0), f32)}, ValueError, r"w_hh: expected .* at least 1 each, got \(0, 0\)"),
    ({"b": np.ones((1, H), f32)}, ValueError, r"b: expected shape \(hidden_size,\) = \(5,\), got \(1, 5\)"),
    ({"b": None}, TypeError, r"b: expected a NumPy array .* got NoneType"),
    ({"h0": np.ones((H, B), f32)}, ValueError, r"h0: expected shape \(batch, hidden_size\) = \(4, 5\), got \(5, 4\)"),
    ({"h0": np.ones((B, H), np.float16)}, TypeError, r"h0: expected dtype float32, got float16"),
    ({"lengths": np.array([6, 6, 6])}, ValueError, r"lengths: expected shape \(batch,\) = \(4,\), got \(3,\)"),
    ({"lengths": np.array([6, 7, 1, 1])}, ValueError, r"lengths: expected values in 0..6, got values in 1..7"),
    ({"lengths": np.array([-1, 0, 0, 0])}, ValueError, r"lengths: expected values in 0..6, got values in -1..0"),
    ({"lengths": np.ones(4)}, TypeError, r"lengths: expected an integer dtype, got float64"),
    ({"lengths": [1, 2, 3, 4]}, TypeError, r"lengths: expected a NumPy array .* got list"),
    ({"mask": np.ones((B, T), bool)}, ValueError, r"mask: expected shape \(seq_len, batch\) = \(6, 4\), got \(4, 6\)"),
    ({"mask": np.ones((T, B, 1), bool)}, ValueError, r"mask: expected shape .* = \(6, 4\), got \(6, 4, 1\)"),
    ({"mask": np.ones((T, B), np.int8)}, TypeError, r"mask: expected dtype bool, got int8"),
    ({"mask": [[True] * B] * T}, TypeError, r"mask: expected a NumPy array .* got list"),
    (
        {"mask": np.ones((T, B), bool), "lengths": np.ones(B, int)},
        ValueError,
        r"mask: expected None where lengths are given, got both",
    ),
    (
        {"recurrent_mask": np.ones((T, B, H), f32)},
        ValueError,
        r"recurrent_mask: expected shape \(batch, hidden_size\) = \(4, 5\), got \(6, 4, 5\)",
    ),
    ({"recurrent_mask": np.ones((B, H), bool)}, TypeError, r"recurrent_mask: expected dtype float32, got bool"),
    (
        {"zoneout_mask": np.ones((B, H), bool)},
        ValueError,
        r"zoneout_mask: expected shape .* = \(6, 4, 5\), got \(4, 5\)",
    ),
    ({"zoneout_mask": np.ones((T, B, H), f32)}, TypeError, r"zoneout_mask: expected dtype bool, got float32"),
    ({"zoneout": 1.5}, ValueError, r"zoneout: expected a finite number, at least 0 and at most 1, got 1.5"),
    ({"zoneout": "0.1"}, TypeError, r"zoneout: expected a number, got '0.1'"),
    (
        {"zoneout": 0.1, "zoneout_mask": np.ones((T, B, H), bool)},
        ValueError,
        r"zoneout: expected 0 where a zoneout_mask is given, got 0.1",
    ),
    ({"gain": np.ones(I, f32)}, ValueError, r"gain: expected shape \(hidden_size,\) = \(5,\), got \(3,\)"),
    ({"gain": np.ones(H, f32), "epsilon": 0}, ValueError, r"epsilon: expected a finite number above 0, got 0"),
    ({"epsilon": "small"}, TypeError, r"epsilon: expected a number, got 'small'"),
    ({"masked_output": "repeat"}, ValueError, r"masked_output: expected one of zero, hold, got 'repeat'"),
    ({"activation": "swish"}, ValueError, r"activation: expected one of tanh, relu, .*, got 'swish'"),
    ({"reverse": 1}, TypeError, r"reverse: expected a bool, got 1"),
    ({"backend": "gpu"}, ValueError, r"backend: expected one of auto, cpu, cupy, numba, reference, got 'gpu'"),
    ({"variant": "wide"}, ValueError, r"variant: expected one of auto, .*, got 'wide'"),
    ({"precision": "low"}, ValueError, r"precision: expected one of highest, high, medium, got 'low'"),
    ({"out": np.ones((T, B, I), f32)}, ValueError, r"out: expected shape .* = \(6, 4, 5\), got \(6, 4, 3\)"),
    ({"out": np.ones((T, B, H))}, TypeError, r"out: expected dtype float32, got float64"),
    ({"out": strided(np.ones((T, B, H), f32))}, ValueError, r"out: expected a writeable, aligned, C-contiguous array"),
    ({"out": read_only(np.ones((T, B, H), f32))}, ValueError, r"out: expected a writeable"),
    ({"out": Exported(np.ones((T, B, H), f32))}, TypeError, r"out: expected a NumPy array, got Exported"),
]


@pytest.mark.parametrize(("changed", "error", "message"), FORWARD_ERRORS, ids=[m for _, _, m in FORWARD_ERRORS])
def test_forward_errors(changed: dict[str, Any], error: type[Exception], message: str, backend: str) -> None:
    out = np.full((T, B, H), 7, f32)
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.rnn_forward(**{"out": out, "backend": backend, **arguments(**changed)})
    assert (out == 7).all(), "something was written before the checks were passed"


BACKWARD_ERRORS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"dy": np.ones((B, T, H), f32)}, ValueError, r"dy: expected shape .* = \(6, 4, 5\), got \(4, 6, 5\)"),
    ({"dy": np.ones((T, B, H))}, TypeError, r"dy: expected dtype float32, got float64"),
    ({"y": np.ones((T, B, I), f32)}, ValueError, r"y: expected shape .* = \(6, 4, 5\), got \(6, 4, 3\)"),
    ({"y": None}, TypeError, r"y: expected a NumPy array .* got NoneType"),
    ({"dh_n": np.ones(H, f32)}, ValueError, r"dh_n: expected shape \(batch, hidden_size\) = \(4, 5\), got \(5,\)"),
    ({"h0": np.ones((1, B, H), f32)}, ValueError, r"h0: expected shape .* = \(4, 5\), got \(1, 4, 5\)"),
    ({"lengths": np.array([9, 0, 0, 0])}, ValueError, r"lengths: expected values in 0..6, got values in 0..9"),
    ({"mask": np.ones((T, I), bool)}, ValueError, r"mask: expected shape .* = \(6, 4\), got \(6, 3\)"),
    (
        {"mask": np.ones((T, B), bool), "lengths": np.ones(B, int)},
        ValueError,
        r"mask: expected None where lengths are given, got both",
    ),
    ({"zoneout_mask": np.ones((T, B, 1), bool)}, ValueError, r"zoneout_mask: expected shape .*, got \(6, 4, 1\)"),
    ({"gain": np.ones((1, H), f32)}, ValueError, r"gain: expected shape .* = \(5,\), got \(1, 5\)"),
    ({"bptt_steps": 0}, ValueError, r"bptt_steps: expected at least 1, got 0"),
    ({"bptt_steps": 2.0}, TypeError, r"bptt_steps: expected an integer, got 2.0"),
    ({"bptt_steps": True}, TypeError, r"bptt_steps: expected an integer, got True"),
]


@pytest.mark.parametrize(("changed", "error", "message"), BACKWARD_ERRORS, ids=[m for _, _, m in BACKWARD_ERRORS])
def test_backward_errors(changed: dict[str, Any], error: type[Exception], message: str, backend: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.rnn_backward(**{"backend": backend, **backward_arguments(**changed)})


def test_out_may_not_overlap_an_input(backend: str) -> None:
    square = np.ones((T, B, H), f32)
    a = arguments(x=square, w_ih=np.ones((H, H), f32))
    with pytest.raises(ValueError, match=r"^out: expected memory of its own, got an array that overlaps x"):
        rnnfast.rnn_forward(**a, backend=backend, out=square)
    assert (square == 1).all()


def test_an_array_on_another_device_is_refused() -> None:
    class Elsewhere:
        def __dlpack__(self, **options: Any) -> Any:
            raise BufferError("on a device")

        def __dlpack_device__(self) -> tuple[int, int]:
            return (2, 0)

    with pytest.raises(TypeError, match=r"^x: expected an array on the CPU, got Elsewhere"):
        rnnfast.rnn_forward(**arguments(x=Elsewhere()))
