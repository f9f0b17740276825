"""How variant `persistent` cuts a problem."""

from __future__ import annotations

from types import ModuleType

import pytest
from gpu_problems import check, random_arguments

from rnnfast.backends import gpu_chips, gpu_persistent
from rnnfast.backends.gpu_persistent import TILES, Persistent, Slices
from rnnfast.problem import Problem

LARGE = gpu_chips.find("h100")

FLOAT, ONE_PART, TWO_PARTS, HALF = TILES
# Of the largest element of each result; a bfloat16 has 8 bits, two of them 16, a float16 11.
TOLERANCE = {FLOAT: None, ONE_PART: 2e-2, TWO_PARTS: 5e-5, HALF: 2e-3}

# Every count of chunks in registers, with and without some in shared memory, and one or more warps to a group.
CUTS = [
    (Problem(3, 9, 2, 30), Slices(FLOAT, 1, 2, 8, groups=8, warps_per_group=1, chunks=1)),
    (Problem(3, 17, 2, 20), Slices(FLOAT, 1, 2, 16, groups=5, warps_per_group=1, chunks=1)),
    (Problem(3, 9, 2, 19), Slices(FLOAT, 2, 2, 8, groups=3, warps_per_group=2, chunks=1)),
    (Problem(2, 3, 2, 256), Slices(FLOAT, 8, 1, 8, groups=8, warps_per_group=1, chunks=2)),
    (Problem(2, 3, 2, 300), Slices(FLOAT, 11, 1, 8, groups=7, warps_per_group=1, chunks=3)),
    (Problem(2, 2, 2, 510), Slices(FLOAT, 16, 1, 8, groups=8, warps_per_group=1, chunks=4)),
    (Problem(1, 2, 2, 1100), Slices(FLOAT, 40, 1, 8, groups=7, warps_per_group=1, chunks=9)),
    (Problem(3, 9, 2, 15), Slices(ONE_PART, 1, 2, 8, groups=1, warps_per_group=1, chunks=1)),
    (Problem(3, 17, 2, 95), Slices(ONE_PART, 3, 2, 16, groups=2, warps_per_group=3, chunks=2)),
    (Problem(2, 3, 2, 79), Slices(ONE_PART, 2, 1, 8, groups=3, warps_per_group=1, chunks=5)),
    (Problem(2, 3, 2, 260), Slices(ONE_PART, 3, 1, 8, groups=8, warps_per_group=1, chunks=17)),
    (Problem(2, 3, 2, 520), Slices(ONE_PART, 11, 1, 8, groups=3, warps_per_group=1, chunks=33)),
    (Problem(3, 9, 2, 30), Slices(TWO_PARTS, 1, 2, 8, groups=2, warps_per_group=2, chunks=1)),
    (Problem(2, 3, 2, 79), Slices(TWO_PARTS, 2, 1, 8, groups=3, warps_per_group=1, chunks=5)),
    (Problem(2, 3, 2, 270), Slices(TWO_PARTS, 3, 1, 8, groups=6, warps_per_group=1, chunks=17)),
    (Problem(3, 17, 2, 30), Slices(HALF, 1, 2, 16, groups=2, warps_per_group=2, chunks=1)),
    (Problem(2, 3, 2, 79), Slices(HALF, 2, 1, 8, groups=3, warps_per_group=1, chunks=5)),
    (Problem(1, 3, 2, 415), Slices(HALF, 4, 1, 8, groups=7, warps_per_group=1, chunks=26)),
]


@pytest.mark.parametrize(("problem", "cut"), CUTS, ids=[f"{cut.tile.name}-{cut[1:]}" for _, cut in CUTS])
def test_every_cut(problem: Problem, cut: Slices, cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_persistent, "_fitting", lambda problem, device: [cut])
    arguments = random_arguments(problem, 1, "h0", "dy", "dh_n", *(["lengths"] if problem.batch > 3 else []))
    check(problem, arguments, cupy, "persistent", TOLERANCE[cut.tile])
    if cut.tile.products.parts == 1:
        with pytest.raises(AssertionError):  # they are not float32 in disguise
            check(problem, arguments, cupy, "persistent")


def test_the_cuts_have_every_instance() -> None:
    assert {(cut.tile, cut.in_registers) for _, cut in CUTS} == {(t, count) for t in TILES for count in t.in_registers}


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
@pytest.mark.parametrize(("batch", "size"), [(batch, size) for batch in (1, 33, 200) for size in (5, 1024, 2500)])
def test_a_cut_covers_the_problem_and_fits_the_device(batch: int, size: int, precision: str) -> None:
    problem = Problem(9, batch, 8, size, precision=precision)
    cut = Persistent(problem, LARGE).slices
    units = cut.tile.units * cut.groups
    assert cut.unit_tiles * units >= problem.hidden_size > (cut.unit_tiles - 1) * units
    assert cut.batch_tiles * cut.rows_per_tile >= problem.batch > (cut.batch_tiles - 1) * cut.rows_per_tile
    assert cut.unit_tiles * cut.batch_tiles <= LARGE.multiprocessors
    assert cut.depth >= problem.hidden_size
    assert cut.shared_bytes <= LARGE.shared_bytes
    assert cut.threads <= 256
    has_room = (precision, size) != ("high", 2500)
    assert cut.tile.products.parts == ({"highest": 0, "high": 2, "medium": 1}[precision] if has_room else 0)


def test_a_batch_is_spread_over_the_multiprocessors_that_are_left() -> None:
    assert Persistent(Problem(100, 32, 8, 1024), LARGE).slices.batch_tiles == 4


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Problem(3, 4, 5, 8, "float64"), r"variant: 'persistent' takes float32, as many units"),
        (Problem(3, 4, 5, 5000), r"on the 132 multiprocessors of H100"),
    ],
    ids=["dtype", "hidden_size"],
)
def test_what_it_does_not_take(problem: Problem, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Persistent(problem, LARGE)
