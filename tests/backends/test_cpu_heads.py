"""Block-diagonal and diagonal recurrent weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kernel_checks import (
    check,
    computed,
    random_arguments,
)
from scipy.linalg import block_diag

import rnnfast
from rnnfast import reference
from rnnfast.backends.cpu import CpuPlan
from rnnfast.problem import Problem


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("hidden_size", "heads"),
    [
        *((12, heads) for heads in (2, 3, 4, 6, 12)),
        (35, 5),
        (37, 37),
        (96, 3),
        (266, 2),  # parts of a head in a group of the weight gradient
        (280, 7),  # whole heads in one, fewer in the last
        (300, 150),
        (300, 300),
        (1040, 2),  # panels deeper than the first-level cache
    ],
)
def test_heads(hidden_size: int, heads: int, dtype: str, isa: str) -> None:
    for batch, reverse, masked in (
        (1, False, {}),
        (33, False, {}),
        (33, True, {"lengths": True}),
        (9, False, {"mask": True}),
    ):
        problem = Problem(6, batch, 20, hidden_size, dtype, reverse=reverse, bptt_steps=4, heads=heads)
        a = random_arguments(problem, hidden_size + heads, h0=True, dy=True, dh_n=True, **masked)
        check(problem, a, ("panel", isa))


@pytest.mark.parametrize("heads", [1, 2, 4, 8, 24])
def test_heads_are_the_dense_matrix_with_these_blocks(heads: int, isa: str) -> None:
    problem, dense = (Problem(7, 13, 10, 24, "float64", heads=n) for n in (heads, 1))
    a = random_arguments(problem, 12, h0=True, lengths=True, dy=True, dh_n=True)
    matrix = block_diag(*reference.blocks(a["w_hh"]))
    right = computed(CpuPlan(dense, "cpu", "panel", isa), {**a, "w_hh": matrix})
    right["dw_hh"] = blocks_of(right["dw_hh"], heads).reshape(a["w_hh"].shape)
    for name, value in computed(CpuPlan(problem, "cpu", "panel", isa), a).items():
        np.testing.assert_allclose(value, right[name], rtol=1e-13, atol=1e-13, err_msg=name)


def blocks_of(matrix: np.ndarray, heads: int) -> np.ndarray:
    size = len(matrix) // heads
    return np.stack([matrix[k : k + size, k : k + size] for k in range(0, len(matrix), size)])


@pytest.mark.parametrize("heads", [3, 12])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_head(value: float, heads: int, isa: str) -> None:
    problem = Problem(4, 9, 5, 12, activation="relu", heads=heads)
    a = random_arguments(problem, 13, h0=True, dy=True, dh_n=True)
    plan = CpuPlan(problem, "cpu", "panel", isa)
    right = computed(plan, a)
    a["h0"][:, 3] = value
    others = np.arange(12) // (12 // heads) != 3 // (12 // heads)
    other_heads = others[:: 12 // heads]
    spoilt = computed(plan, a)
    for name in ("y", "h_n", "dh0"):
        np.testing.assert_array_equal(spoilt[name][..., others], right[name][..., others], err_msg=name)
    for name, kept in (("dw_ih", others), ("db", others), ("dw_hh", other_heads)):
        np.testing.assert_array_equal(spoilt[name][kept], right[name][kept], err_msg=name)


@pytest.mark.parametrize(("heads", "others"), [(1, [(1, 5, 5), (5, 5)]), (5, [(5, 1, 1), (5,)])])
def test_weights_in_every_shape_give_the_same_bits(heads: int, others: list[tuple[int, ...]]) -> None:
    problem = Problem(4, 3, 2, 5, heads=heads)
    a = random_arguments(problem, 14, h0=True, dy=True, dh_n=True)
    plan = CpuPlan(problem, "cpu", "panel")
    right = computed(plan, a)
    for shape in others:
        given = computed(plan, {**a, "w_hh": a["w_hh"].reshape(shape)})
        assert given["dw_hh"].shape == shape
        for name, value in given.items():
            np.testing.assert_array_equal(value.reshape(right[name].shape), right[name], err_msg=name)


@pytest.mark.parametrize("variant", ["lanes", "stationary", "tiles"])
def test_variants_that_take_no_heads_say_so(variant: str) -> None:
    sizes: dict[str, Any] = {"seq_len": 4, "batch": 3, "input_size": 2, "hidden_size": 6, "heads": 2}
    with pytest.raises(ValueError, match=rf"^variant: '{variant}' takes .*heads=1.*, got .*heads=2"):
        rnnfast.plan(**sizes, variant=variant, precision="medium")
    for precision in ("highest", "high"):
        assert rnnfast.plan(**sizes, precision=precision).variant == "panel"
    assert "runs in true float32" in rnnfast.plan(**sizes, precision="high").explain()
