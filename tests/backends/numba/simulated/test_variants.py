"""Every variant of the `numba` backend against the specification."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from gpu_problems import check, check_without_dx, computed, random_arguments

from rnnfast.backends.numba_variants import VARIANTS
from rnnfast.pointwise import ACTIVATIONS
from rnnfast.problem import MASKED_OUTPUTS, Problem

ALL = ("h0", "dy", "dh_n")
KINDS = [(name, dtype) for name in VARIANTS for dtype in ("float32", "float64")]


# Where options are many, either dtype once.
FEW = [("stepwise", "float64"), ("block", "float32")]


@pytest.fixture(params=KINDS, ids="-".join)
def kind(request: pytest.FixtureRequest) -> tuple[str, str]:
    variant, dtype = request.param
    return variant, dtype


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation: str, kind: tuple[str, str], numba: ModuleType) -> None:
    problem = Problem(2, 3, 2, 5, kind[1], activation, clip=0.8 if kind[0] == "block" else None)
    check(problem, random_arguments(problem, 11, *ALL), numba, kind[0])


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 1, 2, 18), (2, 9, 1, 7), (2, 5, 12, 8)], ids=str)
def test_sizes(sizes: tuple[int, int, int, int], kind: tuple[str, str], numba: ModuleType) -> None:
    problem = Problem(*sizes, kind[1])
    check(problem, random_arguments(problem, 1, *ALL), numba, kind[0])


@pytest.mark.parametrize("kind", FEW, ids="-".join)
@pytest.mark.parametrize("masked_output", MASKED_OUTPUTS)
@pytest.mark.parametrize("masked", [(), ("lengths",), ("mask",)], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("bptt_steps", [None, 2])
def test_options(
    masked: tuple[str, ...],
    reverse: bool,
    bptt_steps: int | None,
    masked_output: str,
    kind: tuple[str, str],
    numba: ModuleType,
) -> None:
    problem = Problem(5, 4, 2, 3, kind[1], "tanh", reverse, bptt_steps, masked_output=masked_output)
    check(problem, random_arguments(problem, 2, *ALL, *masked), numba, kind[0])


@pytest.mark.parametrize("given", [(), ("h0",), ("dy",), ("dh_n", "lengths")], ids=str)
def test_arrays_that_may_be_absent(given: tuple[str, ...], kind: tuple[str, str], numba: ModuleType) -> None:
    problem = Problem(3, 4, 3, 5, kind[1])
    check(problem, random_arguments(problem, 3, *given), numba, kind[0])


@pytest.mark.parametrize("kind", FEW, ids="-".join)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked_output", MASKED_OUTPUTS)
def test_what_lies_at_masked_steps_is_never_used(
    masked_output: str, reverse: bool, kind: tuple[str, str], numba: ModuleType
) -> None:
    problem = Problem(5, 6, 2, 5, kind[1], reverse=reverse, masked_output=masked_output)
    a = random_arguments(problem, 4, *ALL, "mask")
    right = computed(problem, a, numba, kind[0])
    used = right["y"].copy()
    for array in (a["x"], used, *([a["dy"]] if masked_output == "zero" else [])):
        array[~a["mask"]] = np.nan
    for name, value in computed(problem, a, numba, kind[0], used).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


def test_weights_beyond_shared_memory(numba: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnfast.backends import numba_variants

    problem = Problem(3, 4, 2, 9)
    monkeypatch.setattr(numba_variants, "SHARED_BYTES", 4 * 9 * (2 * 2 + 5))  # the states, and 5 of 9 rows
    recurrence = numba_variants.Block(problem, numba_variants.NumbaDevice(0, "", 2))
    assert (recurrence.rows, recurrence.resident) == (2, 5)
    check(problem, random_arguments(problem, 8, *ALL, "mask"), numba, "block")


def test_the_same_call_gives_the_same_bits(kind: tuple[str, str], numba: ModuleType) -> None:
    problem = Problem(3, 5, 3, 6, kind[1])
    a = random_arguments(problem, 6, *ALL, "lengths")
    once, again = (computed(problem, a, numba, kind[0]) for _ in range(2))
    for name, value in once.items():
        np.testing.assert_array_equal(again[name], value, err_msg=name)


def test_without_dx_the_rest_is_the_same(kind: tuple[str, str], numba: ModuleType) -> None:
    check_without_dx(numba, *kind)
