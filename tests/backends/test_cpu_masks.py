"""Masked steps in the compiled kernels."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_checks import (
    check,
    computed,
    random_arguments,
)

from rnnfast.backends.cpu import CpuPlan
from rnnfast.problem import MASKED_OUTPUTS, Problem


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", ["lengths", "mask"])
def test_masked_steps_over_several_windows(masked: str, reverse: bool, kernel: tuple[str, str]) -> None:
    problem = Problem(900, 33, 8, 12, reverse=reverse, bptt_steps=40, masked_output="hold")
    assert CpuPlan(problem, "cpu", *kernel).window_steps < 800
    a = random_arguments(problem, 8, h0=True, dy=True, dh_n=True, **{masked: True})
    if masked == "mask":
        a["mask"][20:890, :9] = False  # a hole of whole windows
    check(problem, a, kernel)


def test_a_mask_without_holes_is_those_lengths_to_the_bit(kernel: tuple[str, str]) -> None:
    problem = Problem(20, 9, 11, 13)
    a = random_arguments(problem, 7, h0=True, lengths=True, dy=True, dh_n=True)
    right = computed(CpuPlan(problem, "cpu", *kernel), a)
    spelled_out = {**a, "lengths": None, "mask": np.arange(20)[:, None] < a["lengths"]}
    for name, value in computed(CpuPlan(problem, "cpu", *kernel), spelled_out).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_mask_of_all_steps_is_none_to_the_bit(reverse: bool, kernel: tuple[str, str]) -> None:
    problem = Problem(900, 33, 8, 12, reverse=reverse, bptt_steps=7)
    a = random_arguments(problem, 7, h0=True, dy=True, dh_n=True)
    right = computed(CpuPlan(problem, "cpu", *kernel), a)
    for name, value in computed(CpuPlan(problem, "cpu", *kernel), {**a, "mask": np.ones((900, 33), bool)}).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


@pytest.mark.parametrize("masked_output", MASKED_OUTPUTS)
@pytest.mark.parametrize("masked", ["lengths", "mask"])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_lies_at_masked_steps_is_never_used(
    reverse: bool, masked: str, masked_output: str, kernel: tuple[str, str]
) -> None:
    problem = Problem(8, 9, 11, 13, reverse=reverse, masked_output=masked_output)
    a = random_arguments(problem, 4, h0=True, dy=True, dh_n=True, **{masked: True})
    plan = CpuPlan(problem, "cpu", *kernel)
    right = computed(plan, a)
    invalid = np.arange(8)[:, None] >= a["lengths"] if masked == "lengths" else ~a["mask"]
    used = right["y"].copy()
    for array in (a["x"], used, *([a["dy"]] if masked_output == "zero" else [])):
        array[invalid] = np.nan
    for name, value in computed(plan, a, used).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)
