"""Recurrent dropout, zoneout and layer normalisation in the compiled kernels."""

from __future__ import annotations

import numpy as np
import pytest
from kernel_checks import (
    EPSILON,
    PANEL,
    check,
    check_bits,
    random_arguments,
)

from rnnfast import reference
from rnnfast.backends.cpu import CpuPlan
from rnnfast.problem import CELL_OPTIONS, Problem


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("option", CELL_OPTIONS)
@pytest.mark.parametrize("hidden_size", [1, 3, 5, 8, 15, 16, 17, 31, 33, 70])
def test_cell_options(hidden_size: int, option: str, dtype: str, panel: tuple[str, str]) -> None:
    problem = Problem(6, 7, hidden_size + 2, hidden_size, dtype, bptt_steps=4, epsilon=EPSILON, **{option: True})
    for masked in ({}, {"lengths": True}, {"mask": True}):
        check(problem, random_arguments(problem, hidden_size, h0=True, dy=True, dh_n=True, **masked), panel)


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("masked", ["none", "lengths", "mask"])
@pytest.mark.parametrize("reverse", [False, True])
def test_cell_options_over_several_windows(reverse: bool, masked: str, panel: tuple[str, str]) -> None:
    options = dict.fromkeys(CELL_OPTIONS, True)
    problem = Problem(900, 33, 8, 12, "float64", reverse=reverse, masked_output="hold", epsilon=EPSILON, **options)
    a = random_arguments(problem, 8, h0=True, dy=True, dh_n=True, lengths=masked == "lengths", mask=masked == "mask")
    check(problem, a, panel)


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("masked", [{}, {"lengths": True}, {"mask": True}], ids=["all", "lengths", "mask"])
def test_bits_with_cell_options_do_not_depend_on_threads(masked: dict[str, bool], panel: tuple[str, str]) -> None:
    problem = Problem(70, 37, 300, 150, **dict.fromkeys(CELL_OPTIONS, True))
    check_bits(problem, random_arguments(problem, 3, h0=True, dy=True, dh_n=True, **masked), panel)


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("masked", [{}, {"lengths": True}, {"mask": True}], ids=["all", "lengths", "mask"])
@pytest.mark.parametrize("options", [{}, {"recurrent_dropout": True, "layer_norm": True}], ids=["alone", "with others"])
def test_a_zoneout_rate(options: dict[str, bool], masked: dict[str, bool], panel: tuple[str, str]) -> None:
    problem = Problem(9, 11, 6, 21, "float64", reverse=True, zoneout=True, **options)
    a = random_arguments(problem, 2, h0=True, dy=False, dh_n=False, **masked) | {"zoneout_mask": None}
    initial = {name: a[name] for name in ("h0", "lengths", "mask", "recurrent_mask", "gain")}
    arrays = a["x"], a["w_ih"], a["w_hh"], a["b"]
    y, h_n = CpuPlan(problem, "cpu", *panel).forward(*arrays, zoneout=0.3, **initial)
    right_y, right_h_n = reference.rnn_forward(*arrays, zoneout=0.3, reverse=True, **initial)
    np.testing.assert_allclose(y, right_y, rtol=0, atol=1e-13)
    np.testing.assert_allclose(h_n, right_h_n, rtol=0, atol=1e-13)


@pytest.mark.parametrize("option", CELL_OPTIONS)
def test_panel_alone_has_cell_options(option: str) -> None:
    problem = Problem(4, 3, 2, 5, precision="high", **{option: True})
    for variant in ("lanes", "stationary", "tiles"):
        with pytest.raises(ValueError, match=f"^variant: '{variant}' takes .*a plain cell.*{option}"):
            CpuPlan(problem, "cpu", variant)
    plan = CpuPlan(problem, "cpu", "auto")
    assert plan.variant == "panel"
    assert f"panel alone has {option}" in plan.explain()
