"""The order and number of rounds."""

from __future__ import annotations

import pytest

from rnnfast.bench import timing


def test_every_round_begins_with_another_contender() -> None:
    order: list[str] = []

    def slice_of(name: str) -> timing.Slice:
        def run(seconds: float) -> float:
            order.append(name)
            return float(len(order))

        return run

    slices = {name: slice_of(name) for name in "abc"}
    times = timing.interleave_slices(slices, seconds=0, rounds=(3, 10))
    assert "".join(order) == "abcbcacab"
    assert times == {"a": [1, 6, 8], "b": [2, 4, 9], "c": [3, 5, 7]}


@pytest.mark.parametrize(("noise", "rounds"), [(0.0, 5), (1.0, 20)])
def test_it_ends_when_the_ratios_are_close(noise: float, rounds: int) -> None:
    count = [0]

    def noisy(seconds: float) -> float:
        count[0] += 1
        return 1.0 + noise * (count[0] % 3)

    slices: dict[str, timing.Slice] = {"base": lambda seconds: 1.0, "other": noisy}
    times = timing.interleave_slices(slices, seconds=100, rounds=(5, 20), enough=timing.ratios_are_close("base"))
    assert len(times["other"]) == rounds


def test_a_slice_leaves_out_its_first_half(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    durations = iter([9.0, 9.0, 1.0, 3.0, 2.0, 100.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    def call() -> None:
        clock[0] += next(durations) * 1e-3

    assert timing.time_slice(call, 0.0235) == pytest.approx(2e-3)


def test_a_long_call_is_made_once() -> None:
    clock = [0]

    def call() -> None:
        import time

        clock[0] += 1
        time.sleep(0.12)

    assert timing.time_slice(call, 0.01) >= 0.12
    assert clock == [1]
