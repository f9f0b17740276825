from __future__ import annotations

import pytest

from rnnfast.bench import records, words
from rnnfast.bench.cases import FORWARD, Case
from rnnfast.bench.intervals import Interval
from rnnfast.bench.records import Point


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2.5e-10, "s", "0.25 ns"),
        (1e-6, "s", "1.00 µs"),
        (12.34e-6, "s", "12.3 µs"),
        (0.123456, "s", "123 ms"),
        (1234.0, "s", "1234 s"),
        (1.5e9, "B", "1.50 GB"),
        (0.0, "B", "0.00 B"),
    ],
)
def test_amount(value: float, unit: str, text: str) -> None:
    assert words.amount(value, unit) == text


def test_a_ratio_has_its_interval_where_that_is_wide() -> None:
    assert words.times(Interval(2.0, 1.95, 2.05)) == "2x"
    assert words.times(Interval(2.0, 1.95, 2.05), always=True) == "2x (1.95 to 2.05)"
    assert words.times(Interval(2.0, 1.5, 2.05)) == "2x (1.5 to 2.05)"


def test_status() -> None:
    point = Point("s", Case(1, 2, 3, 4), FORWARD, "torch", 2)
    assert words.status(point) == ""
    point.status, point.error = records.WRONG, 0.5
    assert words.status(point) == "WRONG: off by 0.5 of the norm"
    point.status, point.note = records.LEFT_OUT, "no device"
    assert words.status(point) == "left out: no device"
    assert words.contender(point, threads=True) == "torch, 2 threads"
