"""Proof that the emulation can fail: without any one barrier or bounds check of a kernel, a result is wrong."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import emulated_kernels
import gpu_rows
import pytest
from emulated_kernels import EmulatedFile
from gpu_problems import check, random_arguments

from rnnfast.backends import cuda_kernels, gpu_instances
from rnnfast.home import MaskValues
from rnnfast.problem import Problem

# Sizes that fill no tile; which variants run the kernels of a file of the recurrence.
PROBLEMS = {
    "masked.cu": [("stepwise", Problem(4, 5, 3, 9))],
    "stepwise.cu": [("stepwise", Problem(4, 5, 3, 9)), ("stepwise", Problem(2, 3, 2, 1500))],  # and with cuBLAS
    "block.cu": [("block", Problem(4, 5, 3, 9)), ("block", Problem(3, 3, 3, 40))],
    "persistent.cu": [("persistent", Problem(*sizes)) for sizes in ((4, 11, 3, 9), (2, 19, 3, 135), (3, 5, 3, 12))],
}
# The other files: what raises AssertionError unless their kernels are right, for a seed.
CHECKS: dict[str, Callable[[ModuleType, int], None]] = {
    "rows.cu": gpu_rows.check_all,
    "random_masks.cu": lambda cupy, seed: gpu_rows.check_mask(seed, (5, 3), "float32", MaskValues(0.5, 0.0, 2.0)),
}
ATTEMPTS = 10  # with another order of the threads each
MUTANTS = [
    pytest.param(file, mutant.number, id=f"{file}-{mutant.number}")
    for file in gpu_instances.instances(90)
    for mutant in emulated_kernels.with_switches(cuda_kernels.source(file))[1]
]


def fails(file: str, cupy: ModuleType, attempts: int = ATTEMPTS) -> bool:
    """Whether any result of the problems of a file is wrong, or a kernel goes astray."""
    for attempt in range(attempts):
        try:
            if file in CHECKS:
                CHECKS[file](cupy, attempt)
            for variant, problem in PROBLEMS.get(file, ()):
                arguments = random_arguments(problem, attempt, "h0", "dy", "dh_n", "lengths")
                check(problem, arguments, cupy, variant)
        except (AssertionError, RuntimeError):
            return True
    return False


@pytest.fixture
def cupy(emulated_cupy: ModuleType) -> ModuleType:
    """Here the emulation alone."""
    return emulated_cupy


@pytest.mark.parametrize("file", [*PROBLEMS, *CHECKS])
def test_nothing_fails_unchanged(file: str, cupy: ModuleType) -> None:
    assert not fails(file, cupy, 2)


@pytest.mark.parametrize(("file", "number"), MUTANTS)
def test_without_one_barrier_or_check_a_result_is_wrong(
    file: str, number: int, cupy: ModuleType, emulated_files: dict[str, EmulatedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulated_files[file], "mutant", number)
    assert fails(file, cupy), emulated_files[file].mutants[number - 1].text
