"""Changes, and what is none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnfast.bench import comparison
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Result

MakeUp = Callable[..., Result]


def test_noise_is_no_change(made_up: MakeUp) -> None:
    found = list(comparison.changes(made_up("quick"), made_up("quick", seed=1)))
    assert len(found) == len([point for point in made_up("quick").points if point.rounds])
    assert not any(change.beyond_noise for change in found)


@pytest.mark.parametrize("slower", [1.2, 0.8])
def test_a_change_of_our_kernels_is_seen(made_up: MakeUp, slower: float) -> None:
    found = list(comparison.changes(made_up("quick"), made_up("quick", seed=1, slower=slower)))
    changed = {change.point.contender for change in found if change.beyond_noise}
    assert changed == {change.point.contender for change in found if change.point.own}
    assert CHOSEN in changed
    for change in found:
        assert change.ratio.value == pytest.approx(slower if change.point.own else 1, rel=0.05)


def test_only_what_both_have(made_up: MakeUp) -> None:
    old, new = made_up("quick"), made_up("quick", "hidden")
    old.points = [point for point in old.points if point.contender == "torch"]
    found = list(comparison.changes(old, new))
    assert {change.point.contender for change in found} == {"torch"}
    assert {change.point.suite for change in found} == {"quick"}


def test_what_makes_them_hard_to_compare(made_up: MakeUp) -> None:
    old, new = made_up("quick"), made_up("quick")
    assert comparison.differences(old, new) == []
    new.machine["isa"] = "avx512"
    new.machine["versions"]["torch"] = "3.0"
    assert comparison.differences(old, new) == ["isa: avx2 then, avx512 now", "torch: 2.13.0 then, 3.0 now"]
