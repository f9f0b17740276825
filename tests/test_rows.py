"""The row operations against their definitions; `test_optimizers.py` compares whole runs with dense updates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import rows

ids_lists = st.lists(st.integers(0, 20), min_size=1, max_size=60)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint16])
@pytest.mark.parametrize("shape", [(7,), (3, 4), (1, 1)])
def test_gather_is_indexing(dtype, shape):
    rng = np.random.default_rng(0)
    table = rng.standard_normal((9, 5)).astype(np.float32)
    ids = rng.integers(0, 9, shape).astype(dtype)
    np.testing.assert_array_equal(rows.gather(table, ids), table[ids])
    out = np.empty((*shape, 5), np.float32)
    assert rows.gather(table, ids, out=out) is out
    np.testing.assert_array_equal(out, table[ids])
    np.testing.assert_array_equal(rows.gather(table, ids.T), table[ids.T])
    assert rows.gather(table, ids.T).flags.c_contiguous


@settings(deadline=None)
@given(ids=ids_lists, seed=st.integers(0, 2**32))
def test_combine_sums_what_belongs_to_a_row(ids, seed):
    ids = np.array(ids, np.int32)
    values = np.random.default_rng(seed).standard_normal((ids.size, 3))
    unique, sums = rows.combine(ids, values)
    np.testing.assert_array_equal(unique, list(dict.fromkeys(ids.tolist())))
    assert unique.dtype == np.int64
    assert sums.flags.c_contiguous
    for row, total in zip(unique, sums, strict=True):
        np.testing.assert_allclose(total, values[ids == row].sum(axis=0), atol=1e-13)


def test_combine_adds_in_an_order_that_other_rows_do_not_change():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 12, 500)
    values = rng.standard_normal((500, 4)).astype(np.float32)
    unique, sums = rows.combine(ids, values)
    for row, total in zip(unique, sums, strict=True):
        np.testing.assert_array_equal(rows.combine(ids[ids == row], values[ids == row])[1], [total])


def test_combine_does_not_let_nan_into_other_rows():
    values = np.array([[np.nan], [1.0], [2.0], [3.0]])
    unique, sums = rows.combine(np.array([5, 6, 5, 6]), values)
    np.testing.assert_array_equal(unique, [5, 6])
    np.testing.assert_array_equal(sums, [[np.nan], [4.0]])


def test_settling_twice_or_with_repeated_rows_changes_nothing_more():
    rng = np.random.default_rng(0)
    start = [rng.standard_normal((6, 2)) for _ in range(2)]
    results = []
    for chosen in ([2, 4], [4, 2, 4, 2]):
        weights, velocity = (array.copy() for array in start)
        last_step = np.zeros(6, np.int64)
        for _ in range(2):
            rows.sgd_settle(weights, velocity, last_step, np.array(chosen), step=5, momentum=0.9, nesterov=False)
        results.append((weights, velocity, last_step))
    for once, again in zip(*results, strict=True):
        np.testing.assert_array_equal(once, again)
    weights, velocity, last_step = results[0]
    np.testing.assert_array_equal(last_step, [0, 0, 5, 0, 5, 0])
    terms = sum(0.9**k for k in range(1, 6))
    np.testing.assert_allclose(weights[2], start[0][2] + terms * start[1][2], rtol=1e-12)
    np.testing.assert_allclose(velocity[2], 0.9**5 * start[1][2], rtol=1e-12)
    np.testing.assert_array_equal(weights[3], start[0][3])
