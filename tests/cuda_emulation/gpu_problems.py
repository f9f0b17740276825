"""Random problems for the backends on a GPU, and what the specification says of them in float64.

`module` has the name of the backend and its `asarray`: CuPy, what stands for it, or for Numba.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

import rnnfast
from rnnfast import pointwise, reference
from rnnfast.problem import Problem
from rnnfast.reference import Gradients

# Of the largest element of each result, which is a sum of terms of its size.
TOLERANCE = {"float32": 4e-6, "float64": 1e-14}
INITIAL = ("h0", "lengths", "mask")
OPTIONS = ("activation", "clip", "reverse", "masked_output")


def random_arguments(problem: Problem, seed: int, *given: str) -> dict[str, Any]:
    """Arrays of NumPy by name; None for h0, lengths, mask, dy and dh_n unless they are named."""
    rng = np.random.default_rng(seed)
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(problem.dtype)

    arguments = {
        "x": normal(t, b, i),
        "w_ih": normal(h, i, scale=i**-0.5),
        "w_hh": normal(h, h, scale=0.7 * h**-0.5),
        "b": normal(h),
        "h0": normal(b, h),
        "lengths": rng.integers(0, t + 1, b),
        "mask": rng.random((t, b)) < rng.random(b),  # from all to none of a sequence
        "dy": normal(t, b, h),
        "dh_n": normal(b, h),
    }
    optional = ("h0", "lengths", "mask", "dy", "dh_n")
    return {name: None if name in optional and name not in given else v for name, v in arguments.items()}


def by_name(grads: Gradients) -> dict[str, Any]:
    """Those that there are."""
    return {name: value for name, value in grads._asdict().items() if value is not None}


def expected(problem: Problem, a: dict[str, Any]) -> dict[str, np.ndarray]:
    """Everything in float64, by name."""
    wide = {name: v.astype(np.float64) if v is not None and v.dtype.kind == "f" else v for name, v in a.items()}
    options = {name: getattr(problem, name) for name in OPTIONS}
    initial = {name: wide[name] for name in INITIAL}
    y, h_n = reference.rnn_forward(wide["x"], wide["w_ih"], wide["w_hh"], wide["b"], **initial, **options)
    weights = wide["w_ih"], wide["w_hh"]
    more = {"dh_n": wide["dh_n"], "bptt_steps": problem.bptt_steps}
    grads = reference.rnn_backward(wide["dy"], wide["x"], y, *weights, **initial, **more, **options)
    return {"y": y, "h_n": h_n, **by_name(grads)}


def on_host(value: Any) -> np.ndarray:
    """An array of CuPy or Numba as one of NumPy."""
    return value.get() if hasattr(value, "get") else value.copy_to_host()


def computed(
    problem: Problem,
    a: dict[str, Any],
    module: ModuleType,
    variant: str,
    y: np.ndarray | None = None,
    *,
    wants_dx: bool = True,
) -> dict[str, np.ndarray]:
    """What the backend computes, through the front door; gradients at `y`, by default at its own outputs."""
    there = {name: None if v is None else module.asarray(v) for name, v in a.items()}
    initial = {name: there[name] for name in INITIAL}
    options = {name: getattr(problem, name) for name in (*OPTIONS, "precision")}
    options.update(backend=module.__name__, variant=variant)
    out, h_n = rnnfast.rnn_forward(there["x"], there["w_ih"], there["w_hh"], there["b"], **initial, **options)
    grads = rnnfast.rnn_backward(
        there["dy"],
        there["x"],
        out if y is None else module.asarray(y),
        there["w_ih"],
        there["w_hh"],
        dh_n=there["dh_n"],
        bptt_steps=problem.bptt_steps,
        wants_dx=wants_dx,
        **initial,
        **options,
    )
    return {name: on_host(value) for name, value in {"y": out, "h_n": h_n, **by_name(grads)}.items()}


def outputs_for(problem: Problem, right: np.ndarray, module: ModuleType, variant: str) -> np.ndarray:
    """The right outputs in the problem's dtype; with clip, those of clamped steps alone as the kernel rounds them."""
    y = right.astype(problem.dtype)
    if problem.clip is None:
        return y
    ends = np.array([-problem.clip, problem.clip]).reshape(1, 2, 1)
    zero = module.asarray(np.zeros((1, 1), problem.dtype))
    one = module.asarray(np.ones((1, 1), problem.dtype))
    options = {"activation": problem.activation, "clip": problem.clip, "backend": module.__name__, "variant": variant}
    inside, _ = rnnfast.rnn_forward(module.asarray(ends.astype(problem.dtype)), one, zero, zero[0], **options)
    low, high = np.sort(on_host(inside).ravel())
    right_low, right_high = np.sort(pointwise.get(problem.activation).f(ends).ravel())
    if low < high:
        y = np.clip(y, np.nextafter(low, high), np.nextafter(high, low))
    return np.where(right <= right_low, low, np.where(right >= right_high, high, y))


def check(
    problem: Problem, a: dict[str, Any], module: ModuleType, variant: str, tolerance: float | None = None
) -> None:
    """AssertionError unless every result is right."""
    right = expected(problem, a)
    tolerance = TOLERANCE[problem.dtype] if tolerance is None else tolerance
    y = outputs_for(problem, right["y"], module, variant)
    for name, value in computed(problem, a, module, variant, y).items():
        assert value.dtype == problem.dtype
        scale = 1 + np.abs(right[name]).max()
        np.testing.assert_allclose(value, right[name], rtol=0, atol=tolerance * scale, err_msg=name)


def check_without_dx(module: ModuleType, variant: str, dtype: str) -> None:
    """Where dx is not wanted, there is none, and the rest has the same bits."""
    problem = Problem(3, 5, 3, 6, dtype)
    a = random_arguments(problem, 7, "h0", "dy", "dh_n", "lengths")
    whole, rest = (computed(problem, a, module, variant, wants_dx=wants) for wants in (True, False))
    assert set(whole) - set(rest) == {"dx"}
    for name, value in rest.items():
        np.testing.assert_array_equal(value, whole[name], err_msg=name)
