"""What a plan on a GPU says of itself: the kernels of each direction, and the bound of a step by what limits it.

Bounds are arithmetic on what the device can do at most, never measurements; latencies are assumed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_registers import registers
from rnnfast.problem import Problem

if TYPE_CHECKING:
    from rnnfast.backends.gpu_recurrence import Choice

DIRECTIONS = ("forward", "backward")
ITEM = {"float32": 4, "float64": 8}

ARITHMETIC, SHARED, L2, MEMORY = "arithmetic", "shared memory", "second-level cache", "memory"
LATENCY = "latency (assumed)"


class Kernel(NamedTuple):
    """What a direction launches: a C++ expression, and how many of everything."""

    expression: str
    blocks: int
    threads: int
    shared_bytes: int

    def at_once(self, device: Device) -> int:
        """Blocks on a multiprocessor."""
        return device.blocks_at_once(self.threads, registers(self.expression, device.capability), self.shared_bytes)


class Occupancy(NamedTuple):
    """How a kernel fills a multiprocessor.

    Args:
        registers: of a thread, as NVIDIA's compiler allots them.
        at_once: blocks on a multiprocessor.
        share: of the threads that it can have.
    """

    kernel: Kernel
    registers: int
    at_once: int
    share: float

    def __str__(self) -> str:
        kernel = self.kernel
        return (
            f"{kernel.expression}: {kernel.blocks} blocks of {kernel.threads} threads, {self.registers} registers "
            f"each, {kernel.shared_bytes:,} bytes of shared memory\n"
            f"  {self.at_once} at once on a multiprocessor, {self.share:.0%} of its threads"
        )


def step_flops(problem: Problem) -> int:
    """Operations of the product of a step, either direction."""
    return 2 * problem.batch * problem.hidden_size**2


def step_bytes(problem: Problem, direction: str) -> int:
    """What of y, or of y, dy and da, a step reads from the memory and writes to it."""
    arrays = 2 if direction == "forward" else 3
    return arrays * problem.batch * problem.hidden_size * ITEM[problem.arithmetic]


def occupancy(kernel: Kernel, device: Device) -> Occupancy:
    """Of a kernel on a device."""
    at_once, used = kernel.at_once(device), registers(kernel.expression, device.capability)
    return Occupancy(kernel, used, at_once, at_once * kernel.threads / device.threads)


def explain(choice: Choice) -> str:
    """What was chosen, and for each direction the kernel, its occupancy, and the bound of a step."""
    problem, device = choice.problem, choice.device
    lines = [
        f"cupy/{choice.name} on {device.name}, sm_{device.capability}: {choice.strategy}",
        choice.tiles(),
        *([f"storage {problem.dtype}: x, y and their gradients"] if problem.dtype != problem.arithmetic else []),
        *(line for direction in DIRECTIONS for line in _direction(choice, direction)),
        f"products over all steps, in {problem.arithmetic}: x W_ih^T before them, at least "
        f"{_microseconds(_product(problem, device))}; dx, dW_ih and dW_hh after them, at least "
        f"{_microseconds(_gradients(problem, device))}",
    ]
    return "\n".join(lines)


def _direction(choice: Choice, direction: str) -> list[str]:
    problem, device = choice.problem, choice.device
    limits = {name: clocks / device.gigahertz / 1e3 for name, clocks in choice.limits(direction).items() if clocks}
    ordered = sorted(limits, key=lambda name: -limits[name])
    bound = limits[ordered[0]]
    return [
        f"{direction}: {choice.occupancy(direction)}",
        f"  a step: {step_flops(problem):,} operations, {choice.bytes(direction):,} bytes of memory",
        f"  at least {_microseconds(bound)} a step, {_microseconds(bound * problem.seq_len)} in all, by {ordered[0]}: "
        + ", ".join(f"{name} {_microseconds(limits[name])}" for name in ordered),
    ]


def _product(problem: Problem, device: Device) -> float:
    flops = 2 * problem.seq_len * problem.batch * problem.hidden_size * problem.input_size
    return _least_microseconds(flops, problem, device)


def _gradients(problem: Problem, device: Device) -> float:
    rows = problem.seq_len * problem.batch
    flops = 2 * rows * problem.hidden_size * (2 * problem.input_size + problem.hidden_size)
    return _least_microseconds(flops, problem, device)


def _least_microseconds(flops: int, problem: Problem, device: Device) -> float:
    """By arithmetic alone."""
    return flops / (device.flops(problem.arithmetic) * device.multiprocessors) / device.gigahertz / 1e3


def _microseconds(value: float) -> str:
    return f"{value:.3g} µs" if value < 1e3 else f"{value:,.0f} µs"
