"""Variant `persistent`: one cooperative launch for all steps, w_hh spread over the multiprocessors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rnnfast.backends import cuda_kernels
from rnnfast.backends.cupy_launch import Kernels, pointer
from rnnfast.backends.gpu_device import L2_BYTES_PER_CLOCK, SHARED_BYTES_PER_CLOCK, Device
from rnnfast.backends.gpu_limits import ARITHMETIC, L2, LATENCY, MEMORY, SHARED, Kernel
from rnnfast.backends.gpu_recurrence import FLOAT32, ON_TENSOR_CORES, Choice, Products, Recurrence, products_for
from rnnfast.problem import Problem
from rnnfast.typing import Array

FILE = "persistent.cu"
LANES, ROWS = 32, 8  # of csrc/cuda/persistent.cu: of a warp, and sequences of a chunk
MOST_WARPS = 8

# Clocks of a step that do not depend on the work: the barrier of the grid, and of a chunk of sequences: the barriers of
# the block and the sums over lanes. Not measured.
_STEP_CLOCKS, _CHUNK_CLOCKS = 2000, 500


class Tile(NamedTuple):
    """How the product of a step is made: in float32, or on tensor cores.

    Args:
        name: of the C++ class; {} is the chunks in registers.
        units: of a group, which its warps share.
        depth: of a chunk of the weights that a warp has.
        owned: elements of the product that a lane ends up with.
        state_bytes: of an element of a state in shared memory, with all parts.
        padding: elements at the end of a row of states there.
        weight_bytes: of a thread's chunk of the weights.
        in_registers: chunks that a thread can keep in registers, smallest first: the template instances.
    """

    name: str
    products: Products
    units: int
    depth: int
    owned: int
    state_bytes: int
    padding: int
    weight_bytes: int
    in_registers: tuple[int, ...]

    def expression(self, direction: str, in_registers: int) -> str:
        return f"persistent_{direction}<{self.name.format(in_registers)}>"


TILES = (
    Tile("FloatTile<{}>", FLOAT32, 4, 128, 1, 4, 0, 64, (1, 2, 4, 8)),
    *(
        Tile(
            f"MmaTile<{{}}, {products.operand}, {products.parts}>",
            products,
            units=16,
            depth=16,
            owned=4,
            state_bytes=2 * products.parts,
            padding=8,
            weight_bytes=16 * products.parts,
            in_registers=(1, 4, 24 if products.parts == 1 else 10),
        )
        for products in ON_TENSOR_CORES
    ),
)


class Slices(NamedTuple):
    """How w_hh and the batch are cut: a block has groups of a tile's units each, each group some warps."""

    tile: Tile
    unit_tiles: int
    batch_tiles: int
    rows_per_tile: int
    groups: int
    warps_per_group: int
    chunks: int

    @property
    def threads(self) -> int:
        return LANES * self.groups * self.warps_per_group

    @property
    def in_registers(self) -> int:
        return max(count for count in self.tile.in_registers if count <= self.chunks)

    @property
    def depth(self) -> int:
        return self.tile.depth * self.warps_per_group * self.chunks

    @property
    def shared_bytes(self) -> int:
        states = self.tile.state_bytes * ROWS * (self.depth + self.tile.padding)
        in_shared = (self.chunks - self.in_registers) * self.tile.weight_bytes
        return states + self.threads * (4 * self.tile.owned + in_shared)

    def limits(self, device: Device) -> dict[str, float]:
        """Clocks of a step of all sequences, by what a multiprocessor has to do."""
        row_chunks = -(-self.rows_per_tile // ROWS)
        flops = 2 * ROWS * self.tile.units * self.groups * self.depth
        in_shared = (self.chunks - self.in_registers) * self.tile.weight_bytes * self.threads
        return {
            ARITHMETIC: row_chunks * flops / self.tile.products.flops(device),
            SHARED: row_chunks * in_shared / SHARED_BYTES_PER_CLOCK,
            L2: row_chunks * 4 * ROWS * self.depth / L2_BYTES_PER_CLOCK,
            LATENCY: _STEP_CLOCKS + row_chunks * _CHUNK_CLOCKS,
        }

    def clocks(self, device: Device) -> float:
        """Of a step: what is done while nothing is waited for, and the latencies."""
        limits = self.limits(device)
        latency = limits.pop(LATENCY)
        return max(limits.values()) + latency


class Persistent(Choice):
    name = "persistent"
    strategy = "one cooperative launch; each multiprocessor keeps the weights of some units, and they meet once a step"
    accepts = "float32, as many units as the multiprocessors have room for the weights of"

    def __init__(self, problem: Problem, device: Device) -> None:
        super().__init__(problem, device)
        self.slices = min(_fitting(problem, device), key=lambda cut: cut.clocks(device))

    @classmethod
    def why_not(cls, problem: Problem, device: Device) -> str | None:
        if problem.arithmetic != "float32":
            return f"got {problem}"
        if not _fitting(problem, device):
            return f"got {problem} on the {device.multiprocessors} multiprocessors of {device.name}"
        return None

    def clocks(self) -> float:
        return self.slices.clocks(self.device)

    def recurrence(self, problem: Problem, kernels: Kernels) -> Recurrence:
        return PersistentRecurrence(problem, kernels, self.slices)

    def tiles(self) -> str:
        cut = self.slices
        return (
            f"{cut.unit_tiles} x {cut.batch_tiles} blocks for {cut.tile.units * cut.groups} units and "
            f"{cut.rows_per_tile} sequences each, {cut.in_registers} of {cut.chunks} chunks of the weights in "
            f"registers; products in {cut.tile.products.words}"
        )

    def kernel(self, direction: str) -> Kernel:
        cut = self.slices
        expression = cut.tile.expression(direction, cut.in_registers)
        return Kernel(expression, cut.unit_tiles * cut.batch_tiles, cut.threads, cut.shared_bytes)

    def limits(self, direction: str) -> dict[str, float]:
        return {**self.slices.limits(self.device), MEMORY: self.bytes(direction) / self.device.bytes_per_clock}


def _fitting(problem: Problem, device: Device) -> list[Slices]:
    """Every way to cut that the device has room for, a block on a multiprocessor, with the tiles for the precision."""
    for products in products_for(problem, device):
        tile = next(tile for tile in TILES if tile.products is products)
        found = [cut for cut in _cuts(problem, device, tile) if cut.shared_bytes <= device.shared_bytes]
        if found:
            return found
    return []


def _cuts(problem: Problem, device: Device, tile: Tile) -> Iterator[Slices]:
    row_chunks = -(-problem.batch // ROWS)
    for groups in range(1, MOST_WARPS + 1):
        unit_tiles = -(-problem.hidden_size // (tile.units * groups))
        batch_tiles = min(row_chunks, device.multiprocessors // unit_tiles)
        if batch_tiles == 0:
            continue
        rows = ROWS * -(-row_chunks // batch_tiles)
        for warps in range(1, MOST_WARPS // groups + 1):
            chunks = -(-problem.hidden_size // (tile.depth * warps))
            yield Slices(tile, unit_tiles, -(-problem.batch // rows), rows, groups, warps, chunks)


class PersistentRecurrence(Recurrence):
    def __init__(self, problem: Problem, kernels: Kernels, slices: Slices) -> None:
        self._problem = problem
        self._kernels = kernels
        self._slices = slices

    def forward(self, y: Array, w_hh: Array, b: Array, state: Array, position: Array | None) -> None:
        exchange = self._kernels.cupy.empty((2, *state.shape), state.dtype)
        exchange[0] = state
        arrays = {"y": y, "w_hh": w_hh, "b": b, "exchange": exchange, "position": position}
        self._launch("forward", "ForwardArguments", arrays)
        state[...] = exchange[self._problem.seq_len % 2]

    def backward(
        self, dy: Array | None, y: Array, w_hh: Array, da: Array, carry: Array, position: Array | None
    ) -> None:
        arrays = {"dy": dy, "y": y, "w_hh": w_hh, "da": da, "carry": carry, "position": position}
        self._launch("backward", "BackwardArguments", arrays)

    def _launch(self, direction: str, struct: str, arrays: dict[str, Any]) -> None:
        cut = self._slices
        arrived = self._kernels.cupy.zeros(cut.batch_tiles, np.uint32)
        pointers = {name: pointer(array) for name, array in {**arrays, "arrived": arrived}.items()}
        self._kernels.launch(
            FILE,
            cut.tile.expression(direction, cut.in_registers),
            (cut.unit_tiles, cut.batch_tiles),
            cut.threads,
            cuda_kernels.arguments(
                struct, self._problem, **pointers, rows_per_tile=cut.rows_per_tile, groups=cut.groups
            ),
            shared_bytes=cut.shared_bytes,
            cooperative=True,
        )
