"""The tiles of variant `block`."""

from __future__ import annotations

from types import ModuleType

import pytest
from gpu_problems import check, random_arguments

from rnnfast.backends import gpu_block, gpu_chips
from rnnfast.backends.gpu_block import TILES, Block, Tile
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_recurrence import BFLOAT16, FLOAT16, FLOAT32, TWO_BFLOAT16S, Products
from rnnfast.problem import Problem

LARGE, SMALL = gpu_chips.find("h100"), gpu_chips.find("t4")
# Of the largest element of each result; a bfloat16 has 8 bits, two of them 16, a float16 11.
TOLERANCE = {FLOAT32: None, BFLOAT16: 2e-2, TWO_BFLOAT16S: 5e-5, FLOAT16: 2e-3}


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_every_tile(tile: Tile, cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """One unit and one sequence short of full."""
    monkeypatch.setattr(gpu_block, "_fitting", lambda problem, device: [tile])
    problem = Problem(3, 2 * tile.rows - 1, 2, tile.hidden - 1)
    arguments = random_arguments(problem, 1, "h0", "dy", "dh_n", "lengths")
    check(problem, arguments, cupy, "block", TOLERANCE[tile.products])
    if tile.products.parts == 1:
        with pytest.raises(AssertionError):  # they are not float32 in disguise
            check(problem, arguments, cupy, "block")


def test_more_sequences_than_there_is_room_for_go_into_larger_tiles() -> None:
    few, many = (Block(Problem(100, batch, 8, 64), LARGE).tile for batch in (64, 4096))
    assert few.rows < many.rows
    assert few.hidden == many.hidden == 64


def test_the_smallest_tile_that_holds_the_units_is_taken() -> None:
    assert [Block(Problem(9, 4, 8, size), LARGE).tile.hidden for size in (1, 32, 33, 129, 256)] == [
        32,
        32,
        64,
        192,
        256,
    ]


@pytest.mark.parametrize(
    ("problem", "device", "message"),
    [
        (
            Problem(3, 4, 5, 257),
            LARGE,
            r"variant: 'block' takes float32, hidden_size up to 256, batch up to 8388607; got Problem",
        ),
        (Problem(3, 4, 5, 8, "float64"), LARGE, r"variant: 'block' takes float32"),
        (Problem(3, 4, 5, 256), SMALL, r"T4 has too little shared memory: 65536 bytes"),
    ],
    ids=["hidden_size", "dtype", "device"],
)
def test_what_it_does_not_take(problem: Problem, device: Device, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Block(problem, device)


@pytest.mark.parametrize(
    ("precision", "dtype", "hidden_size", "device", "products"),
    [
        ("highest", "float32", 64, LARGE, FLOAT32),
        ("high", "float32", 64, LARGE, TWO_BFLOAT16S),
        ("medium", "float32", 64, LARGE, BFLOAT16),
        ("medium", "float32", 192, LARGE, BFLOAT16),
        ("high", "float32", 256, LARGE, FLOAT32),
        ("medium", "float32", 64, SMALL, FLOAT32),  # before sm_80 tensor cores take float16 alone
        ("medium", "bfloat16", 64, LARGE, BFLOAT16),
        ("medium", "bfloat16", 64, SMALL, FLOAT32),
        ("medium", "float16", 64, LARGE, FLOAT16),
        ("medium", "float16", 64, SMALL, FLOAT16),
        ("high", "float16", 64, LARGE, TWO_BFLOAT16S),
        ("highest", "float16", 64, LARGE, FLOAT32),
    ],
)
def test_precision(precision: str, dtype: str, hidden_size: int, device: Device, products: Products) -> None:
    choice = Block(Problem(3, 4, 5, hidden_size, dtype, precision=precision), device)
    assert choice.tile.products is products
    assert f"products in {products.words}\n" in choice.explain()
    assert ("storage" in choice.explain()) == (dtype != "float32")
