"""The activations that rest on exp, of the compiled kernels, in units in the last place of the right result."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, log1p

from rnnfast import _cpu
from rnnfast.backends.cpu import CpuPlan
from rnnfast.problem import Problem

MOST_ULP = 4
ALPHA, BETA = 1.6732632423543772848, 1.0507009873554804934
RIGHT = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "elu": lambda a: np.where(a < 0, np.expm1(np.minimum(a, 0)), a),
    "selu": lambda a: BETA * np.where(a < 0, ALPHA * np.expm1(np.minimum(a, 0)), a),
    "softplus": lambda a: np.maximum(a, 0) + log1p(np.exp(-np.abs(a))),
    "softsign": lambda a: np.where(np.isinf(a), np.sign(a), a / (1 + np.abs(a))),
}


BOUNDED = ("tanh", "sigmoid", "softsign")


def ulp_errors(activation: str, isa: str, a: np.ndarray) -> np.ndarray:
    """The error of f(a) for each float32 in `a`, which stands at the end of a recurrence of one step: 0 * 0 + 1 * a."""
    problem = Problem(1, a.size, 1, 1, activation=activation)
    zero, one = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    y, _ = CpuPlan(problem, "cpu", "panel", isa).forward(a.reshape(1, -1, 1), one, zero, zero[0])
    y = y.ravel()
    with np.errstate(invalid="ignore", over="ignore"):
        right = RIGHT[activation](a.astype(np.float64))
        rounded = np.abs(right).astype(np.float32)
        errors = np.where(y == rounded * np.sign(y), 0, np.abs(y - right) / np.spacing(rounded))
    nan = np.isnan(a)
    assert np.isnan(y[nan]).all()
    assert not np.isnan(y[~nan]).any()
    if activation in BOUNDED:
        assert (np.abs(y[~nan]) <= 1).all()
    errors[nan] = 0
    return np.asarray(errors)


@pytest.mark.parametrize("isa", _cpu.supported_isas())
@pytest.mark.parametrize("activation", list(RIGHT))
def test_one_in_a_thousand_float32(activation: str, isa: str) -> None:
    bits = np.arange(0, 2**32, 997, dtype=np.uint64).astype(np.uint32)
    assert ulp_errors(activation, isa, bits.view(np.float32)).max() <= MOST_ULP


@pytest.mark.exhaustive
@pytest.mark.parametrize("isa", _cpu.supported_isas())
@pytest.mark.parametrize("activation", list(RIGHT))
def test_every_float32(activation: str, isa: str) -> None:
    worst, at = 0.0, 0.0
    step = 2**22
    for start in range(0, 2**32, step):
        a = np.arange(start, start + step, dtype=np.uint64).astype(np.uint32).view(np.float32)
        errors = ulp_errors(activation, isa, a)
        if errors.max() > worst:
            worst, at = float(errors.max()), float(a[errors.argmax()])
    print(f"{activation} {isa}: at most {worst:.3f} ULP, at {at!r}")
    assert worst <= MOST_ULP


@pytest.mark.parametrize("isa", _cpu.supported_isas())
@pytest.mark.parametrize("activation", list(RIGHT))
def test_float64(activation: str, isa: str) -> None:
    a = np.random.default_rng(0).uniform(-40, 40, 200_000) * np.logspace(-12, 0, 200_000)
    problem = Problem(1, a.size, 1, 1, "float64", activation)
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    y, _ = CpuPlan(problem, "cpu", "panel", isa).forward(a.reshape(1, -1, 1), one, zero, zero[0])
    right = RIGHT[activation](a)
    assert (np.abs(y.ravel() - right) / np.spacing(np.abs(right))).max() <= MOST_ULP + 1  # NumPy's own error is one
