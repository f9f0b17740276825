"""The operations on rows of tables and the random masks on a GPU, against those on the CPU."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from rnnfast import rows
from rnnfast.backends import REGISTRY
from rnnfast.home import HOST, MaskValues, RandomWords

VOCABULARY, STEP = 8, 7  # with 128 columns a table fills whole pages, and what lies before it cannot be touched
RMSPROP = {"learning_rate": 0.1, "rho": 0.9, "momentum": 0.5, "epsilon": 1e-3, "epsilon_inside": True}
SGD = {"learning_rate": 0.1, "momentum": 0.5, "nesterov": True}
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


def check_combine(cupy: ModuleType, seed: int, count: int, columns: int, dtype: str) -> None:
    """AssertionError unless the sums have the bits of the CPU; ids of every dtype are taken."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, VOCABULARY, count).astype(rng.choice(["int8", "uint16", "int32", "int64"]))
    values = rng.standard_normal((count, columns)).astype(dtype)
    right = dict(zip(*rows.combine(ids, values), strict=True))
    found, sums = (array.get() for array in _kernels().combine(cupy.asarray(ids), cupy.asarray(values)))
    assert found.shape == (count,)
    assert found.dtype == np.int64
    assert sorted(found[found >= 0]) == sorted(right)
    for row, total in zip(found, sums, strict=True):
        np.testing.assert_array_equal(total, right[row] if row >= 0 else 0)


def check_put(cupy: ModuleType, seed: int, columns: int, dtype: str) -> None:
    """AssertionError unless the rows of -1 are left out, and all others written."""
    rng = np.random.default_rng(seed)
    table, values = (rng.standard_normal((size, columns)).astype(dtype) for size in (VOCABULARY, 5))
    chosen = np.array([7, -1, 3, -1, 0])
    there = cupy.asarray(table)
    _kernels().put(there, cupy.asarray(chosen), cupy.asarray(values))
    rows.put(table, chosen[chosen >= 0], values[chosen >= 0])
    np.testing.assert_array_equal(there.get(), table)


def check_step(cupy: ModuleType, seed: int, columns: int, dtype: str, name: str, slots: int, **options: Any) -> None:
    """AssertionError unless a step of `rmsprop_rows` or `sgd_rows` is that of the CPU, with so many of its slots."""
    rng = np.random.default_rng(seed)
    most = {"rmsprop_rows": 3, "sgd_rows": 1}[name]
    tables = [rng.random((VOCABULARY, columns)).astype(dtype) for _ in range(1 + most)]
    last_step = rng.integers(0, STEP, VOCABULARY)
    chosen, sums = np.array([4, -1, 7, 6]), rng.standard_normal((4, columns)).astype(dtype)
    given: list[Any] = [*tables[: 1 + slots], *[None] * (most - slots), last_step]
    there = [None if array is None else cupy.asarray(array) for array in given]
    kept = chosen >= 0
    getattr(rows, name)(*given, chosen[kept], sums[kept], step=STEP, **options)
    getattr(_kernels(), name)(*there, cupy.asarray(chosen), cupy.asarray(sums), step=STEP, **options)
    for right, found in zip(given, there, strict=True):
        if right is not None:
            np.testing.assert_allclose(found.get(), right, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def check_mask(seed: int, shape: tuple[int, ...], dtype: str, values: MaskValues) -> None:
    """AssertionError unless a mask has the bits of the CPU."""
    numbers = np.random.default_rng(seed).integers(0, 2**64, 3, np.uint64)
    words = RandomWords(*map(int, numbers))
    found = REGISTRY["cupy"].home().random_mask(shape, dtype, values, words).get()
    right = HOST.random_mask(shape, dtype, values, words)
    assert found.dtype == right.dtype
    np.testing.assert_array_equal(found, right)


def check_all(cupy: ModuleType, seed: int) -> None:
    """Every kernel of rows.cu, with sizes that fill no block."""
    for columns, dtype in ((3, "float32"), (150, "float64")):
        check_combine(cupy, seed, 12, columns, dtype)
        check_put(cupy, seed, columns, dtype)
        check_step(cupy, seed, columns, dtype, "rmsprop_rows", 3, **RMSPROP)
        check_step(cupy, seed, columns, dtype, "sgd_rows", 1, **SGD)


def _kernels() -> rows.RowKernels:
    return REGISTRY["cupy"].home().rows
