"""Every variant of the `cupy` backend against the specification."""

from __future__ import annotations

from types import ModuleType

import gpu_problems
import numpy as np
import pytest
from gpu_problems import check, check_without_dx, computed, random_arguments

from rnnfast.backends.gpu_stepwise import Stepwise
from rnnfast.backends.gpu_variants import VARIANTS
from rnnfast.pointwise import ACTIVATIONS, Activation
from rnnfast.problem import MASKED_OUTPUTS, Problem

ALL = ("h0", "dy", "dh_n")
KINDS = [(name, "float32") for name in VARIANTS] + [("stepwise", "float64"), ("stepwise", "float32", "cuBLAS")]
PARAMETERS = [
    Activation("leaky_relu", alpha=0.3),
    Activation("thresholded_relu", alpha=0.2),
    Activation("elu", alpha=0.4),
    Activation("selu", alpha=0.6, beta=0.8),
    Activation("softplus", beta=2.5),
    Activation("hard_tanh", alpha=-0.2, beta=0.7),
    Activation("hard_sigmoid", alpha=-0.3, beta=0.4),
    Activation("scaled_tanh", alpha=-1.2, beta=0.6),
    Activation("affine", alpha=-0.6, beta=0.3),
]


@pytest.fixture(params=KINDS, ids="-".join)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    variant, dtype, *products = request.param
    if products:  # as for large products
        monkeypatch.setattr(Stepwise, "in_graph", False)
    return variant, dtype


@pytest.mark.parametrize("clip", [None, 0.8])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, *PARAMETERS], ids=str)
def test_activations(activation: str | Activation, clip: float | None, kind: tuple[str, str], cupy: ModuleType) -> None:
    problem = Problem(3, 5, 3, 18, kind[1], activation, clip=clip)
    check(problem, random_arguments(problem, 11, *ALL), cupy, kind[0])


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (4, 1, 2, 33), (3, 9, 1, 31), (2, 60, 40, 64)], ids=str)
def test_sizes(sizes: tuple[int, int, int, int], kind: tuple[str, str], cupy: ModuleType) -> None:
    problem = Problem(*sizes, kind[1])
    check(problem, random_arguments(problem, 1, *ALL), cupy, kind[0])


@pytest.mark.parametrize("masked_output", MASKED_OUTPUTS)
@pytest.mark.parametrize("masked", [(), ("lengths",), ("mask",)], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bptt_steps", [None, 1, 3])
def test_options(
    masked: tuple[str, ...],
    reverse: bool,
    bptt_steps: int | None,
    masked_output: str,
    kind: tuple[str, str],
    cupy: ModuleType,
) -> None:
    problem = Problem(7, 10, 3, 9, kind[1], "tanh", reverse, bptt_steps, masked_output=masked_output)
    check(problem, random_arguments(problem, 2, *ALL, *masked), cupy, kind[0])


@pytest.mark.parametrize("given", [(), ("h0",), ("dy",), ("dh_n", "lengths")], ids=str)
def test_arrays_that_may_be_absent(given: tuple[str, ...], kind: tuple[str, str], cupy: ModuleType) -> None:
    problem = Problem(3, 4, 3, 7, kind[1])
    check(problem, random_arguments(problem, 3, *given), cupy, kind[0])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked_output", MASKED_OUTPUTS)
def test_what_lies_at_masked_steps_is_never_used(
    masked_output: str, reverse: bool, kind: tuple[str, str], cupy: ModuleType
) -> None:
    problem = Problem(6, 9, 4, 11, kind[1], reverse=reverse, masked_output=masked_output)
    a = random_arguments(problem, 4, *ALL, "mask")
    right = computed(problem, a, cupy, kind[0])
    used = right["y"].copy()
    for array in (a["x"], used, *([a["dy"]] if masked_output == "zero" else [])):
        array[~a["mask"]] = np.nan
    for name, value in computed(problem, a, cupy, kind[0], used).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "softsign", "hard_tanh", "elu", "softplus"])
def test_nan_and_infinity_come_out(activation: str, value: float, kind: tuple[str, str], cupy: ModuleType) -> None:
    problem = Problem(2, 3, 2, 5, kind[1], activation)
    a = random_arguments(problem, 5)
    a["x"][0, 1, 1] = value
    with np.errstate(all="ignore"):
        right = gpu_problems.expected(problem, a)["y"]
    y = computed(problem, a, cupy, kind[0])["y"]
    np.testing.assert_allclose(y, right, rtol=1e-5, atol=1e-5)


def test_the_same_call_gives_the_same_bits(kind: tuple[str, str], cupy: ModuleType) -> None:
    problem = Problem(4, 9, 3, 33, kind[1])
    a = random_arguments(problem, 6, *ALL, "lengths")
    once, again = (computed(problem, a, cupy, kind[0]) for _ in range(2))
    for name, value in once.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_without_dx_the_rest_is_the_same(kind: tuple[str, str], cupy: ModuleType) -> None:
    check_without_dx(cupy, *kind)
