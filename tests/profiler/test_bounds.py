"""What holds a phase."""

from __future__ import annotations

import pytest

from rnnfast.profiler.bounds import Peaks, bound
from rnnfast.profiler.work import Work

PEAKS = Peaks(100.0, {"16 KB": 200.0, "256 KB": 50.0, "8 MB": 20.0, "128 MB": 5.0})


@pytest.mark.parametrize(
    ("resident", "level"),
    [(1, "16 KB"), (16 << 10, "16 KB"), (17 << 10, "256 KB"), (9 << 20, "128 MB"), (1 << 40, "128 MB")],
)
def test_the_level_that_something_fits_into(resident: int, level: str) -> None:
    assert PEAKS.read(resident) == (level, PEAKS.gb_per_s[level])


@pytest.mark.parametrize(
    ("work", "nanoseconds", "name", "compute", "memory"),
    [
        (Work(8000.0, 100.0, 1), 100.0, "compute", 0.8, 0.005),
        (Work(8000.0, 4500.0, 1 << 17), 100.0, "memory (256 KB)", 0.8, 0.9),
        (Work(4000.0, 100.0, 1), 100.0, "latency", 0.4, 0.005),
        (Work(None, 2000.0, 1 << 20), 100.0, "memory (8 MB)", None, 1.0),
        (Work(None, 200.0, 1 << 20), 100.0, "latency", None, 0.1),
    ],
)
def test_a_phase(work: Work, nanoseconds: float, name: str, compute: float | None, memory: float) -> None:
    found = bound("recurrence", work, nanoseconds, PEAKS)
    assert found.name == name
    assert found.compute == pytest.approx(compute)
    assert found.memory == pytest.approx(memory)


def test_what_is_no_product() -> None:
    assert bound("activation", Work(None, 10.0, 1), 100.0, PEAKS).name == "function"
    assert bound("activation", Work(None, 1e5, 1), 100.0, PEAKS).name == "memory (16 KB)"
    assert bound("waiting", None, 100.0, PEAKS) == ("barrier", None, None)
    assert bound("call overhead", None, 100.0, PEAKS) == ("overhead", None, None)
    assert bound("packing", Work(None, 10.0, 1), 0.0, PEAKS).name == "overhead"
