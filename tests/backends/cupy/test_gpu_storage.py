"""x and y stored in 16 bits: as float32 on the widened arrays, rounded once as they are stored."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gpu_problems import random_arguments

import rnnfast
from rnnfast.problem import Problem

STORED = ("x", "y", "dy", "dx")


@pytest.fixture(params=["float16", "bfloat16"])
def dtype(request: pytest.FixtureRequest) -> np.dtype[Any]:
    if request.param == "float16":
        return np.dtype(np.float16)
    return np.dtype(pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed").bfloat16)


def both_passes(arguments: dict[str, Any], cupy: ModuleType, out: Any = None, **options: Any) -> dict[str, Any]:
    a = {name: None if value is None else cupy.asarray(value) for name, value in arguments.items()}
    initial = {name: a[name] for name in ("h0", "lengths")}
    given_y = a.pop("y", None)
    y, h_n = rnnfast.rnn_forward(a["x"], a["w_ih"], a["w_hh"], a["b"], out=out, **initial, **options)
    at = y if given_y is None else given_y
    grads = rnnfast.rnn_backward(a["dy"], a["x"], at, a["w_ih"], a["w_hh"], dh_n=a["dh_n"], **initial, **options)
    results = {"y": y, "h_n": h_n, **grads._asdict()}
    return {name: value.get() for name, value in results.items() if value is not None}


@pytest.mark.parametrize("given", [("h0", "dy", "dh_n", "lengths"), ("dh_n",)], ids=len)
@pytest.mark.parametrize(
    ("variant", "precision"), [("stepwise", "highest"), ("block", "high"), ("persistent", "highest")]
)
def test_as_float32_rounded_once(
    variant: str, precision: str, given: tuple[str, ...], dtype: np.dtype[Any], cupy: ModuleType
) -> None:
    options: dict[str, Any] = {"backend": "cupy", "variant": variant, "precision": precision}
    arguments = random_arguments(Problem(4, 9, 3, 18), 7, *given)
    narrow = {n: v.astype(dtype) if n in STORED and v is not None else v for n, v in arguments.items()}
    wide = {n: v.astype(np.float32) if n in STORED and v is not None else v for n, v in narrow.items()}
    found = both_passes(narrow, cupy, **options)
    right = both_passes({**wide, "y": found["y"].astype(np.float32)}, cupy, **options)
    for name, value in found.items():
        expected = right[name].astype(dtype) if name in STORED else right[name]
        assert value.dtype == expected.dtype, name
        np.testing.assert_array_equal(value.view(f"u{value.itemsize}"), expected.view(f"u{value.itemsize}"), name)


def test_out_is_written_to_in_16_bits(dtype: np.dtype[Any], cupy: ModuleType) -> None:
    arguments = random_arguments(Problem(4, 9, 3, 18), 7, "dy")
    narrow = {n: v.astype(dtype) if n in STORED and v is not None else v for n, v in arguments.items()}
    out = cupy.empty((4, 9, 18), dtype)
    y = both_passes(narrow, cupy, out, backend="cupy")["y"]
    np.testing.assert_array_equal(out.get(), y)
    np.testing.assert_array_equal(both_passes(narrow, cupy, backend="cupy")["y"], y)


@pytest.mark.parametrize("variant", ["block", "persistent"])
def test_operands_at_medium_are_those_that_are_stored(variant: str, cupy: ModuleType) -> None:
    """float16 has three bits more than bfloat16."""
    arguments = random_arguments(Problem(3, 9, 3, 40), 7, "h0", "dy", "dh_n")
    narrow = {n: v.astype(np.float16) if n in STORED and v is not None else v for n, v in arguments.items()}
    wide = {n: v.astype(np.float32) if n in STORED and v is not None else v for n, v in narrow.items()}
    options: dict[str, Any] = {"backend": "cupy", "variant": variant}
    right = both_passes(wide, cupy, **options)
    at = {"y": right["y"]}

    def error(given: dict[str, Any]) -> float:
        return float(np.abs(both_passes({**given}, cupy, precision="medium", **options)["dh0"] - right["dh0"]).max())

    half, bfloat16 = error({**narrow, "y": at["y"].astype(np.float16)}), error({**wide, **at})
    assert 1e-6 < half < bfloat16 / 3


def test_a_wrong_dtype_beside_them(cupy: ModuleType) -> None:
    arguments = random_arguments(Problem(3, 4, 3, 5), 7)
    x, *weights = (cupy.asarray(arguments[name]) for name in ("x", "w_ih", "w_hh", "b"))
    with pytest.raises(TypeError, match=r"^w_ih: expected dtype float32, got float16"):
        rnnfast.rnn_forward(x.astype(np.float16), weights[0].astype(np.float16), *weights[1:])
