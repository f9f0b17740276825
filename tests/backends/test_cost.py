"""The choice between variants: counted work, prices, and what a plan makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rnnfast
from rnnfast import _cpu
from rnnfast.backends import cost
from rnnfast.backends.cpu import VARIANTS
from rnnfast.problem import Problem

PROBLEM = Problem(seq_len=20, batch=24, input_size=10, hidden_size=30)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_every_variant_has_prices() -> None:
    assert set(cost.VARIANTS) <= {variant.name for variant in VARIANTS}
    shipped = cost.read(cost.SHIPPED)
    for variant in cost.VARIANTS:
        for direction in cost.DIRECTIONS:
            assert min(shipped[variant][direction]) >= 0
            assert max(shipped[variant][direction]) > 0


@pytest.mark.parametrize("direction", cost.DIRECTIONS)
@pytest.mark.parametrize("variant", cost.VARIANTS)
def test_no_size_makes_work_less(variant: str, direction: str) -> None:
    sizes = {"seq_len": 20, "batch": 24, "input_size": 10, "hidden_size": 30}
    before = cost.work(PROBLEM, variant, direction, threads=2, vector_len=8)
    assert (before >= 0).all()
    for name, value in sizes.items():
        after = cost.work(Problem(**{**sizes, name: 3 * value}), variant, direction, threads=2, vector_len=8)
        assert (after >= before).all()
        assert (after > before).any(), name


@pytest.mark.parametrize("direction", cost.DIRECTIONS)
def test_heads_make_work_less(direction: str) -> None:
    """By as much in every step's product, in the weights read and in what is packed, while heads are whole vectors."""
    dense, *fewer, diagonal = (
        cost.work(Problem(20, 24, 10, 64, heads=heads), "panel", direction, threads=2, vector_len=8)
        for heads in (1, 2, 4, 8, 64)
    )
    products, weights = 5, 6  # among the counts
    for heads, work in zip((2, 4, 8), fewer, strict=True):
        assert (work <= dense).all()
        assert work[products] * heads == dense[products]
        assert work[weights] * heads == dense[weights]
    assert diagonal[products] * 64 == dense[products]


def test_a_plan_takes_what_costs_least(cache: Path) -> None:
    prices = cost.read(cost.SHIPPED)
    for variant in cost.VARIANTS:
        for name in cost.VARIANTS:
            for direction in cost.DIRECTIONS:
                price = 1.0 if (name == variant) == (direction == "forward") else 2.0
                prices[name][direction] = [price] + [0.0] * (len(prices[name][direction]) - 1)
        path = cost.tuned_path(rnnfast.isa())
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(json.dumps(prices))
        cost._prices.cache_clear()  # within the resolution of the file's time
        text = rnnfast.plan(seq_len=20, batch=24, input_size=10, hidden_size=30).explain()
        assert f"forward: {variant}:" in text
        assert f"backward: {variant}:" not in text
        assert "tuned here" in text


@pytest.mark.parametrize("variant", ["lanes", "stationary"])
def test_near_ties_go_to_panel(variant: str) -> None:
    gain = cost.LEAST_GAIN[variant]
    assert cost.choose({variant: 1.0, "panel": gain - 0.01}) == "panel"
    assert cost.choose({variant: 1.0, "panel": gain + 0.01}) == variant


def test_the_least_wins() -> None:
    assert cost.choose({"panel": 3.0, "stationary": 1.0, "lanes": 2.0}) == "stationary"
    assert cost.choose({"panel": 3.0, "lanes": 2.0}) == "lanes"


@pytest.mark.parametrize("text", ["{", "[]", '{"panel": {"forward": [1]}}'])
def test_a_damaged_file_is_not_used(cache: Path, text: str) -> None:
    path = cost.tuned_path(rnnfast.isa())
    path.parent.mkdir()
    path.write_text(text)
    cost._prices.cache_clear()
    with pytest.warns(UserWarning, match="rnnfast tune"):
        assert cost.prices(rnnfast.isa()) == (cost.read(cost.SHIPPED), "shipped")


def test_lanes_by_name_takes_few_hidden_units_only() -> None:
    sizes = {"seq_len": 2, "batch": 3, "input_size": 4}
    assert rnnfast.plan(**sizes, hidden_size=64, variant="lanes").variant == "lanes"
    with pytest.raises(ValueError, match=r"variant: 'lanes' takes hidden_size up to 64, .*, got .*hidden_size=65"):
        rnnfast.plan(**sizes, hidden_size=65, variant="lanes")


def test_the_machines_peaks_are_of_this_world() -> None:
    for isa in _cpu.supported_isas():
        assert 1e8 < _cpu.multiply_add_rate(isa, 1) < 1e12
        assert 1e8 < _cpu.read_rate(isa, 1 << 20, 1) < 1e13


def test_work_is_shared_out() -> None:
    one, four = (cost.work(PROBLEM, "panel", "forward", threads=n, vector_len=8) for n in (1, 4))
    np.testing.assert_allclose(four[4:6] * 4, one[4:6])
