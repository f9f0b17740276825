"""Variant `block`: all steps of some sequences in one thread block, which holds the whole of w_hh."""

from __future__ import annotations

from abc import ABC
from typing import Any

from rnnfast.backends import cuda_kernels
from rnnfast.backends.cupy_launch import Kernels, pointer
from rnnfast.backends.gpu_device import SHARED_BYTES_PER_CLOCK, Device
from rnnfast.backends.gpu_limits import ARITHMETIC, DIRECTIONS, LATENCY, MEMORY, SHARED, Kernel
from rnnfast.backends.gpu_recurrence import FLOAT32, ON_TENSOR_CORES, Choice, Products, Recurrence, products_for
from rnnfast.problem import Problem
from rnnfast.typing import Array

FILE = "block.cu"
UNITS, SPLITS = 4, 8  # of csrc/cuda/weight_tile.cuh and block.cu

# Clocks of a step that do not depend on the work: shared memory there and back, the sums over lanes, the barrier, the
# activation. Not measured.
_STEP_CLOCKS = 500


class Tile(ABC):
    """A template instance: how the product of a step is made, and how much of everything it takes."""

    hidden: int
    """Units that w_hh is padded to."""
    rows: int
    """Sequences of a block."""
    products: Products
    threads: int
    shared_bytes: int
    weight_bytes: int
    """Of them, those of the weights."""
    type: str
    """The C++ class."""

    def expression(self, direction: str) -> str:
        return f"block_{direction}<{self.type}>"

    def kernel(self, problem: Problem, direction: str) -> Kernel:
        """What a direction launches."""
        return Kernel(self.expression(direction), self.blocks(problem), self.threads, self.shared_bytes)

    def blocks(self, problem: Problem) -> int:
        """That a problem takes."""
        return -(-problem.batch // self.rows)

    def limits(self, problem: Problem, device: Device, direction: str) -> dict[str, float]:
        """Clocks of a step of all sequences, by what a multiprocessor has to do one after the other."""
        busiest = -(-self.blocks(problem) // device.multiprocessors)
        at_once = max(1, min(busiest, self.kernel(problem, direction).at_once(device)))
        return {
            ARITHMETIC: busiest * 2 * self.rows * self.hidden**2 / self.products.flops(device),
            SHARED: busiest * self.weight_bytes / SHARED_BYTES_PER_CLOCK,
            LATENCY: -(-busiest // at_once) * _STEP_CLOCKS,
        }

    def clocks(self, problem: Problem, device: Device) -> float:
        """Of a step of both directions: what is done while nothing is waited for, and the latencies."""
        both = [self.limits(problem, device, direction) for direction in DIRECTIONS]
        return sum(max(limits[ARITHMETIC], limits[SHARED]) + limits[LATENCY] for limits in both) / len(both)

    def __repr__(self) -> str:
        return self.type


class FloatTile(Tile):
    """Products in float32; `in_registers` chunks of the depth in registers, the others in shared memory."""

    products = FLOAT32

    def __init__(self, hidden: int, rows: int, in_registers: int) -> None:
        self.hidden, self.rows = hidden, rows
        self.threads = hidden // UNITS * SPLITS
        in_shared = hidden // (4 * SPLITS) - in_registers
        self.weight_bytes = 16 * in_shared * UNITS * self.threads
        self.shared_bytes = 4 * 2 * rows * hidden + self.weight_bytes
        self.type = f"FloatTile<{hidden}, {rows}, {in_registers}>"


class MmaTile(Tile):
    """Products on tensor cores; all weights in registers."""

    rows, weight_bytes = 8, 0

    def __init__(self, hidden: int, products: Products) -> None:
        self.hidden, self.products = hidden, products
        self.threads = hidden // 16 * 32
        self.shared_bytes = 2 * 2 * products.parts * self.rows * (hidden + 8)
        self.type = f"MmaTile<{hidden}, {products.operand}, {products.parts}>"


TILES: tuple[Tile, ...] = (
    *(
        FloatTile(hidden, rows, in_registers)
        for hidden, in_registers, all_rows in (
            (32, 1, (2, 8)),
            (64, 2, (2, 8)),
            (128, 4, (2, 8)),
            (192, 6, (2, 4)),
            (224, 3, (2,)),  # the rest in shared memory
            (256, 3, (2,)),
        )
        for rows in all_rows
    ),
    *(
        MmaTile(hidden, products)
        for products in ON_TENSOR_CORES
        for hidden in ((32, 64, 128, 192) if products.parts == 1 else (32, 64, 128))
    ),
)

MOST_UNITS = max(tile.hidden for tile in TILES)
MOST_SEQUENCES = 2**31 // MOST_UNITS - 1  # so that elements of a state can be counted in an int


class Block(Choice):
    name = "block"
    strategy = "all steps of some sequences in one thread block, w_hh in its registers and shared memory"
    accepts = f"float32, hidden_size up to {MOST_UNITS}, batch up to {MOST_SEQUENCES}"

    def __init__(self, problem: Problem, device: Device) -> None:
        super().__init__(problem, device)
        self.tile = min(_fitting(problem, device), key=lambda tile: tile.clocks(problem, device))

    @classmethod
    def why_not(cls, problem: Problem, device: Device) -> str | None:
        if problem.arithmetic != "float32" or problem.hidden_size > MOST_UNITS or problem.batch > MOST_SEQUENCES:
            return f"got {problem}"
        if not _fitting(problem, device):
            return f"got {problem}, for which {device.name} has too little shared memory: {device.shared_bytes} bytes"
        return None

    def clocks(self) -> float:
        return self.tile.clocks(self.problem, self.device)

    def recurrence(self, problem: Problem, kernels: Kernels) -> Recurrence:
        return BlockRecurrence(problem, kernels, self.tile)

    def tiles(self) -> str:
        tile = self.tile
        return (
            f"tiles of {tile.hidden} units and {tile.rows} sequences, w_hh in registers"
            f"{' and shared memory' if tile.weight_bytes else ''}; products in {tile.products.words}"
        )

    def kernel(self, direction: str) -> Kernel:
        return self.tile.kernel(self.problem, direction)

    def limits(self, direction: str) -> dict[str, float]:
        memory = self.bytes(direction) / self.device.bytes_per_clock
        return {**self.tile.limits(self.problem, self.device, direction), MEMORY: memory}


def _fitting(problem: Problem, device: Device) -> list[Tile]:
    """The tiles of the fewest units that do, at the precision, or where there are none for it in float32."""
    for products in products_for(problem, device):
        tiles = [tile for tile in TILES if tile.products is products and tile.hidden >= problem.hidden_size]
        fewest = min((tile.hidden for tile in tiles), default=0)
        found = [tile for tile in tiles if tile.hidden == fewest and tile.shared_bytes <= device.shared_bytes]
        if found:
            return found
    return []


class BlockRecurrence(Recurrence):
    def __init__(self, problem: Problem, kernels: Kernels, tile: Tile) -> None:
        self._problem = problem
        self._kernels = kernels
        self._tile = tile

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        arrays = {"y": y, "w_hh": w_hh, "b": b, "state": state, "position": position}
        self._launch("forward", "ForwardArguments", arrays)

    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        arrays = {"dy": dy, "y": y, "w_hh": w_hh, "da": da, "carry": carry, "position": position}
        self._launch("backward", "BackwardArguments", arrays)

    def _launch(self, direction: str, struct: str, arrays: dict[str, Any]) -> None:
        pointers = {name: pointer(array) for name, array in arrays.items()}
        self._kernels.launch(
            FILE,
            self._tile.expression(direction),
            (-(-self._problem.batch // self._tile.rows),),
            self._tile.threads,
            cuda_kernels.arguments(struct, self._problem, **pointers),
            shared_bytes=self._tile.shared_bytes,
        )
