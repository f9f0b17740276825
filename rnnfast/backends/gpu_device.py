"""What the choice of a variant has to know of a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

L2_BYTES_PER_CLOCK = 64
"""That a multiprocessor reads from the second-level cache."""

SHARED_BYTES_PER_CLOCK = 128
"""That a multiprocessor reads from its shared memory: 32 banks of 4 bytes."""

_WARP, _ROUNDED_REGISTERS, _ROUNDED_WARPS = 32, 8, 4
_RESERVED_SHARED_BYTES = 1024  # of a block, by CUDA itself, from sm_80 on

# Where the driver does not say.
_GIGAHERTZ, _GIGABYTES_A_SECOND = 1.5, 500.0


class Generation(NamedTuple):
    """What a multiprocessor of a compute capability has.

    Args:
        threads, blocks: that can be there at once.
        shared_bytes: shared memory.
        block_shared_bytes: of it, what one block may use at most, when it asks for it.
        flops, double_flops: a clock, of float32, and of float64 (on tensor cores where they have it, as cuBLAS does).
        mma_flops: a clock, of 16-bit operands on tensor cores with sums in float32, with the fastest of their
            instructions.
    """

    threads: int
    blocks: int
    shared_bytes: int
    block_shared_bytes: int
    flops: int
    double_flops: int
    mma_flops: int


# CUDA C++ Programming Guide, "Compute Capabilities: Technical Specifications" and "Arithmetic Instructions"; the rates
# of tensor cores are those of data sheets, divided by multiprocessors and clock.
GENERATIONS = {
    75: Generation(1024, 16, 64 << 10, 64 << 10, 128, 4, 1024),
    80: Generation(2048, 32, 164 << 10, 163 << 10, 128, 128, 2048),
    86: Generation(1536, 16, 100 << 10, 99 << 10, 256, 4, 1024),
    89: Generation(1536, 24, 100 << 10, 99 << 10, 256, 4, 1024),
    90: Generation(2048, 32, 228 << 10, 227 << 10, 256, 256, 4096),
    100: Generation(2048, 32, 228 << 10, 227 << 10, 256, 128, 8192),
    120: Generation(1536, 24, 100 << 10, 99 << 10, 256, 4, 1024),
}
"""By compute capability; one that is not here counts as the next lower one."""


def generation(capability: int) -> Generation:
    """The entry of GENERATIONS for a compute capability."""
    return GENERATIONS[max((known for known in GENERATIONS if known <= capability), default=min(GENERATIONS))]


@dataclass(frozen=True)
class Device:
    """A GPU.

    Args:
        name: what it is called.
        capability: compute capability, 10 major + minor: 90 is sm_90.
        multiprocessors: how many.
        shared_bytes: shared memory that one block may use at most, when it asks for it.
        multiprocessor_shared_bytes: that a multiprocessor has.
        registers: 32-bit registers of a multiprocessor.
        threads, blocks: that a multiprocessor can have at once.
        l2_bytes: of the second-level cache.
        gigahertz: the clock, at most.
        gigabytes_a_second: of the memory.
        mma_flops: see Generation.
    """

    name: str
    capability: int
    multiprocessors: int
    shared_bytes: int
    multiprocessor_shared_bytes: int
    registers: int
    threads: int
    blocks: int
    l2_bytes: int
    gigahertz: float
    gigabytes_a_second: float
    mma_flops: int

    @classmethod
    def from_cupy(cls, cupy: Any, number: int) -> Device:
        """What CuPy knows of a device of this machine."""
        device = cupy.cuda.Device(number)
        attributes = device.attributes
        capability = int(device.compute_capability)
        transfers = 2e3 * attributes.get("MemoryClockRate", 0)  # of a double data rate
        return cls(
            name=cupy.cuda.runtime.getDeviceProperties(number)["name"].decode(),
            capability=capability,
            multiprocessors=attributes["MultiProcessorCount"],
            shared_bytes=attributes["MaxSharedMemoryPerBlockOptin"],
            multiprocessor_shared_bytes=attributes["MaxSharedMemoryPerMultiprocessor"],
            registers=attributes["MaxRegistersPerMultiprocessor"],
            threads=attributes["MaxThreadsPerMultiProcessor"],
            blocks=attributes.get("MaxBlocksPerMultiprocessor") or generation(capability).blocks,
            l2_bytes=attributes["L2CacheSize"],
            gigahertz=attributes.get("ClockRate", 0) / 1e6 or _GIGAHERTZ,
            gigabytes_a_second=transfers * attributes.get("GlobalMemoryBusWidth", 0) / 8e9 or _GIGABYTES_A_SECOND,
            mma_flops=generation(capability).mma_flops,
        )

    def flops(self, dtype: str) -> int:
        """Of a multiprocessor, a clock, in float32 or float64."""
        known = generation(self.capability)
        return known.double_flops if dtype == "float64" else known.flops

    @property
    def bytes_per_clock(self) -> float:
        """Of the memory, for all multiprocessors together."""
        return self.gigabytes_a_second / self.gigahertz

    def blocks_at_once(self, threads: int, registers: int, shared_bytes: int) -> int:
        """How many blocks of so many threads, registers a thread and bytes of shared memory fit a multiprocessor."""
        rounded = -(-registers // _ROUNDED_REGISTERS) * _ROUNDED_REGISTERS
        warps = self.registers // (rounded * _WARP) // _ROUNDED_WARPS * _ROUNDED_WARPS
        reserved = _RESERVED_SHARED_BYTES if self.capability >= 80 else 0
        return min(
            self.blocks,
            self.threads // threads,
            warps // -(-threads // _WARP),
            self.multiprocessor_shared_bytes // max(shared_bytes + reserved, 1),
        )
