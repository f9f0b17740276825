"""A CPU kernel against the specification: what goes in, what must come out, how near."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast import _cpu, pointwise, reference, set_num_threads
from rnnfast.backends.cpu import VARIANTS, CpuPlan
from rnnfast.checks import recurrent_shapes
from rnnfast.problem import Problem
from rnnfast.reference import Gradients

# Of the largest element of each result, which is a sum of terms of its size.
TOLERANCE = {"float32": 3e-6, "float64": 1e-14}


EPSILON = 0.5
"""For layer normalisation: with much less, and few units, rounding grows beyond the tolerance from step to step."""


PANEL = [("panel", isa) for isa in _cpu.supported_isas()]


KERNELS = [(variant.name, isa) for variant in VARIANTS if variant.name != "tiles" for isa in _cpu.supported_isas()]
"""Every variant of true float32 and float64 for every instruction set that runs here; tiles: test_tiles.py."""


def random_arguments(
    problem: Problem, seed: int, *, h0: bool, dy: bool, dh_n: bool, lengths: bool = False, mask: bool = False
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(problem.dtype)

    return {
        "x": normal(t, b, i),
        "w_ih": normal(h, i, scale=i**-0.5),
        "w_hh": normal(
            *next(iter(recurrent_shapes(h, problem.heads).values())), scale=0.7 * (h / problem.heads) ** -0.5
        ),
        "b": normal(h),
        "h0": normal(b, h) if h0 else None,
        "lengths": rng.integers(0, t + 1, b) if lengths else None,
        "mask": rng.random((t, b)) < rng.random(b) if mask and not lengths else None,  # from all to none of a sequence
        "dy": normal(t, b, h) if dy else None,
        "dh_n": normal(b, h) if dh_n else None,
        "recurrent_mask": normal(b, h) if problem.recurrent_dropout else None,
        "zoneout_mask": rng.random((t, b, h)) < 0.4 if problem.zoneout else None,
        "gain": normal(h) if problem.layer_norm else None,
    }


CELL = ("recurrent_mask", "zoneout_mask", "gain")


def results(y: np.ndarray, h_n: np.ndarray, grads: Gradients) -> dict[str, np.ndarray]:
    """By name, without what is None."""
    found = {"y": y, "h_n": h_n, **grads._asdict()}
    return {name: value for name, value in found.items() if value is not None}


def expected(problem: Problem, a: dict[str, Any]) -> dict[str, np.ndarray]:
    """Everything in float64, by name."""
    wide = {name: v.astype(np.float64) if v is not None and v.dtype.kind == "f" else v for name, v in a.items()}
    options = {name: getattr(problem, name) for name in ("activation", "clip", "reverse", "masked_output", "epsilon")}
    initial = {name: wide[name] for name in ("h0", "lengths", "mask", *CELL)}
    y, h_n = reference.rnn_forward(wide["x"], wide["w_ih"], wide["w_hh"], wide["b"], **initial, **options)
    grads = reference.rnn_backward(
        wide["dy"],
        wide["x"],
        y,
        wide["w_ih"],
        wide["w_hh"],
        dh_n=wide["dh_n"],
        bptt_steps=problem.bptt_steps,
        **initial,
        **options,
    )
    return results(y, h_n, grads)


def computed(plan: CpuPlan, a: dict[str, Any], y: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """By name; the gradients at `y`, by default at the outputs that the plan computes itself."""
    initial = {name: a[name] for name in ("h0", "lengths", "mask", *CELL)}
    out, h_n = plan.forward(a["x"], a["w_ih"], a["w_hh"], a["b"], **initial)
    grads = plan.backward(a["dy"], a["x"], out if y is None else y, a["w_ih"], a["w_hh"], dh_n=a["dh_n"], **initial)
    return results(out, h_n, grads)


def outputs_for(problem: Problem, kernel: tuple[str, str], right: np.ndarray) -> np.ndarray:
    """The right outputs in the kernel's dtype; with clip, those of clamped steps and no others as it rounds them."""
    y = right.astype(problem.dtype)
    if problem.clip is None:
        return y
    one = Problem(1, 2, 1, 1, problem.dtype, problem.activation, clip=problem.clip)
    zero = np.zeros((1, 1), problem.dtype)
    ends = np.array([-problem.clip, problem.clip]).reshape(1, 2, 1)
    inside, _ = CpuPlan(one, "cpu", *kernel).forward(ends.astype(problem.dtype), zero + 1, zero, zero[0])
    low, high = np.sort(inside.ravel())
    right_low, right_high = np.sort(pointwise.get(problem.activation).f(ends).ravel())
    if low < high:
        y = np.clip(y, np.nextafter(low, high), np.nextafter(high, low))
    clamped = np.where(right <= right_low, low, np.where(right >= right_high, high, y))
    # What is no value of the activation at all is an initial state that zoneout kept.
    return np.where((right_low - 1e-9 <= right) & (right <= right_high + 1e-9), clamped, right).astype(problem.dtype)


def check(problem: Problem, a: dict[str, Any], kernel: tuple[str, str]) -> None:
    plan = CpuPlan(problem, "cpu", *kernel)
    right = expected(problem, a)
    for name, value in computed(plan, a, outputs_for(problem, kernel, right["y"])).items():
        assert value.dtype == problem.dtype
        scale = 1 + np.abs(right[name]).max()
        np.testing.assert_allclose(value, right[name], rtol=0, atol=TOLERANCE[problem.dtype] * scale, err_msg=name)


def check_bits(problem: Problem, a: dict[str, Any], kernel: tuple[str, str]) -> None:
    plan = CpuPlan(problem, "cpu", *kernel)
    set_num_threads(1)
    right = computed(plan, a)
    for threads in (1, 2, 3, 8):
        set_num_threads(threads)
        for name, value in computed(plan, {name: shifted(v) for name, v in a.items()}).items():
            np.testing.assert_array_equal(value, right[name], err_msg=f"{name} with {threads} threads")


def shifted(array: np.ndarray | None) -> np.ndarray | None:
    """A copy that begins one element past an aligned address."""
    if array is None:
        return None
    return np.concatenate([array.ravel()[:1], array.ravel()])[1:].reshape(array.shape)
