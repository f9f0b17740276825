"""Rows of tables and random masks on the GPU have what they have on the CPU."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import gpu_rows
import numpy as np
import nvrtc
import pytest

from rnnfast import rows
from rnnfast.backends import cupy_rows, gpu_instances
from rnnfast.home import MaskValues

DTYPES = ["float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 31), (17, 32), (40, 33), (13, 257)])
def test_sums_have_the_bits_of_the_cpu(count: int, columns: int, dtype: str, cupy: ModuleType) -> None:
    for seed in range(3):
        gpu_rows.check_combine(cupy, seed, count, columns, dtype)


def test_nan_does_not_get_into_other_rows(cupy: ModuleType) -> None:
    ids, values = np.array([5, 6, 5, 6]), np.array([[np.nan], [1.0], [2.0], [3.0]])
    found, sums = gpu_rows._kernels().combine(cupy.asarray(ids), cupy.asarray(values))
    np.testing.assert_array_equal(found.get(), [5, -1, 6, -1])
    np.testing.assert_array_equal(sums.get(), [[np.nan], [0], [4], [0]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 33, 128, 257])
def test_rows_are_put_and_gathered(columns: int, dtype: str, cupy: ModuleType) -> None:
    gpu_rows.check_put(cupy, 0, columns, dtype)
    table = np.arange(9 * columns, dtype=dtype).reshape(9, columns)
    ids = np.array([[3, 8], [0, 3]])
    np.testing.assert_array_equal(rows.gather(cupy.asarray(table), cupy.asarray(ids)).get(), table[ids])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 33, 128, 257])
@pytest.mark.parametrize(
    ("name", "slots", "options"),
    [
        ("rmsprop_rows", 1, {**gpu_rows.RMSPROP, "momentum": 0.0}),
        ("rmsprop_rows", 1, {**gpu_rows.RMSPROP, "momentum": 0.0, "epsilon_inside": False, "rho": 0.0}),
        ("rmsprop_rows", 2, {**gpu_rows.RMSPROP, "momentum": 0.0}),
        ("rmsprop_rows", 3, gpu_rows.RMSPROP),
        ("sgd_rows", 0, {**gpu_rows.SGD, "momentum": 0.0}),
        ("sgd_rows", 1, gpu_rows.SGD),
        ("sgd_rows", 1, {**gpu_rows.SGD, "nesterov": False}),
    ],
)
def test_steps_of_rows(
    name: str, slots: int, options: dict[str, Any], columns: int, dtype: str, cupy: ModuleType
) -> None:
    gpu_rows.check_step(cupy, 0, columns, dtype, name, slots, **options)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("float32", MaskValues(0.25, 0.0, 1 / 0.75)),
        ("float64", MaskValues(0.9, 0.0, 10.0)),
        ("bool", MaskValues(0.5, True, False)),
        ("bool", MaskValues(0.0, True, False)),
        ("bool", MaskValues(1 - 2**-53, True, False)),
        ("float32", MaskValues(0.5 + 2**-33, 0.0, 2.0)),
    ],
)
@pytest.mark.parametrize("shape", [(1,), (4, 1), (3, 5, 7), (2, 1023)])
@pytest.mark.usefixtures("cupy")
def test_masks_have_the_bits_of_the_cpu(shape: tuple[int, ...], dtype: str, values: MaskValues) -> None:
    gpu_rows.check_mask(0, shape, dtype, values)


@pytest.mark.parametrize(("toolkit", "architecture"), [(12, 75), (13, 75), (13, 90), (13, 120)])
def test_the_kernels_compile_without_a_stack(toolkit: int, architecture: int) -> None:
    try:
        compiler = nvrtc.Nvrtc(toolkit)
    except FileNotFoundError as error:
        pytest.skip(f"{error} (extra: nvrtc)")
    for file in (cupy_rows.FILE, "random_masks.cu"):
        names = gpu_instances.instances(architecture)[file]
        found = compiler.compile(file, names, architecture)
        assert [name for name, row in found.items() if row.stack or row.spilled] == []
