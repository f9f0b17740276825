"""Every kernel instance that a plan or a model can choose, by file: what is compiled and tested without a GPU."""

from __future__ import annotations

from rnnfast.backends import cupy_rows, gpu_block, gpu_graph, gpu_persistent
from rnnfast.backends.cuda_kernels import C_TYPES, MASK_TYPES
from rnnfast.backends.gpu_limits import DIRECTIONS


def instances(capability: int) -> dict[str, list[str]]:
    """C++ expressions by .cu file, for devices of a compute capability."""
    types = C_TYPES.values()

    return {
        "masked.cu": ["number_steps", *(f"{name}<{t}>" for name in ("clear_masked", "hold_states") for t in types)],
        "random_masks.cu": [f"fill_mask<{t}>" for t in MASK_TYPES.values()],
        cupy_rows.FILE: [f"{name}<{t}>" for name in cupy_rows.KERNELS for t in types],
        gpu_graph.FILE: [
            *(f"set_arguments<{d.capitalize()}Arguments<{t}>>" for d in DIRECTIONS for t in types),
            *(f"{name}_{d}<{t}>" for name in ("stepwise", "finish") for d in DIRECTIONS for t in types),
        ],
        gpu_block.FILE: [
            tile.expression(direction)
            for tile in gpu_block.TILES
            if capability >= tile.products.capability
            for direction in DIRECTIONS
        ],
        gpu_persistent.FILE: [
            tile.expression(direction, count)
            for tile in gpu_persistent.TILES
            if capability >= tile.products.capability
            for count in tile.in_registers
            for direction in DIRECTIONS
        ],
    }
