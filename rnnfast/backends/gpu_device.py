"""What the choice of a variant has to know of a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FLOPS_PER_CLOCK = 256
"""Of a multiprocessor in float32: 128 lanes, a multiplication and an addition each (64 lanes before sm_86)."""

MMA_FLOPS_PER_CLOCK = 1024
"""Of a multiprocessor in bfloat16 on tensor cores, with the instruction that these kernels use, at least."""

L2_BYTES_PER_CLOCK = 64
"""That a multiprocessor reads from the second-level cache."""

_ROUNDED_REGISTERS, _BLOCKS_AT_ONCE = 8, 16


@dataclass(frozen=True)
class Device:
    """A GPU.

    Args:
        name: what it is called.
        capability: compute capability, 10 major + minor: 90 is sm_90.
        multiprocessors: how many.
        shared_bytes: shared memory that one block may use at most, when it asks for it.
        registers: 32-bit registers of a multiprocessor.
        threads: that a multiprocessor can have at once.
    """

    name: str
    capability: int
    multiprocessors: int
    shared_bytes: int
    registers: int = 65536
    threads: int = 1024

    @classmethod
    def from_cupy(cls, cupy: Any, number: int) -> Device:
        """What CuPy knows of a device of this machine."""
        device = cupy.cuda.Device(number)
        attributes = device.attributes
        return cls(
            name=cupy.cuda.runtime.getDeviceProperties(number)["name"].decode(),
            capability=int(device.compute_capability),
            multiprocessors=attributes["MultiProcessorCount"],
            shared_bytes=attributes["MaxSharedMemoryPerBlockOptin"],
            registers=attributes["MaxRegistersPerMultiprocessor"],
            threads=attributes["MaxThreadsPerMultiProcessor"],
        )

    def blocks_at_once(self, threads: int, registers: int, shared_bytes: int) -> int:
        """How many blocks of so many threads, registers a thread and bytes of shared memory fit a multiprocessor."""
        rounded = -(-registers // _ROUNDED_REGISTERS) * _ROUNDED_REGISTERS
        return min(
            _BLOCKS_AT_ONCE,
            self.threads // threads,
            self.registers // (rounded * threads),
            self.shared_bytes // max(shared_bytes, 1),
        )
