"""Bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnfast.bench import intervals


def test_the_median_as_scipy_has_it() -> None:
    values = np.random.default_rng(1).lognormal(size=40)
    value, low, high = intervals.of_median(list(values))
    assert value == np.median(values)
    theirs = stats.bootstrap((values,), np.median, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    assert (low, high) == pytest.approx(tuple(theirs), rel=0.1)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    inside = [
        low <= 2 <= high
        for _, low, high in (
            intervals.of_ratio(list(2 * rng.lognormal(sigma=0.2, size=30)), list(rng.lognormal(sigma=0.2, size=30)))
            for _ in range(200)
        )
    ]
    assert 0.9 <= np.mean(inside) <= 1


def test_pairs_take_out_what_slowed_both() -> None:
    noise = np.random.default_rng(4).lognormal(sigma=0.5, size=31)
    exact = intervals.of_ratio(list(3 * noise), list(noise))
    assert exact == pytest.approx((3, 3, 3))
    assert exact.width == pytest.approx(0, abs=1e-12)
    unpaired = intervals.of_ratio(list(3 * noise), list(noise), paired=False)
    assert unpaired.value == pytest.approx(3)
    assert unpaired.width > 0.1


def test_rounds_that_do_not_match() -> None:
    with pytest.raises(ValueError, match="numerator: expected as many rounds as denominator, 2, got 1"):
        intervals.of_ratio([1.0], [1.0, 2.0])


def test_one_value() -> None:
    assert intervals.of_median([2.5]) == (2.5, 2.5, 2.5)
