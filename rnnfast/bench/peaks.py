"""What the processor can do at most, measured, and how near the kernels come to it."""

from __future__ import annotations

from rnnfast import _cpu, plan
from rnnfast.bench.cases import Case
from rnnfast.bench.timing import interleave

READ_SIZES = {"16 KB": 16 << 10, "256 KB": 256 << 10, "8 MB": 8 << 20, "128 MB": 128 << 20}
"""What each thread reads over and over: of the sizes of a core's first and second caches, the shared one, memory."""

CASES = (Case(32, 100, 512, 512), Case(64, 50, 1024, 1024))


def multiply_add(isa: str, threads: int) -> float:
    """GFLOP/s of independent float32 multiplications and additions in registers."""
    return _cpu.multiply_add_rate(isa, threads) / 1e9


def read(isa: str, size: int, threads: int) -> float:
    """GB/s of `threads` threads that each read `size` bytes of their own, again and again."""
    return _cpu.read_rate(isa, size, threads) / 1e9


def kernels(case: Case) -> dict[str, float]:
    """GFLOP/s of a forward and of a backward pass, packing and activation included."""
    x, w_ih, w_hh, b, dy = case.arrays().values()
    planned = plan(
        seq_len=case.seq_len,
        batch=case.batch,
        input_size=case.input_size,
        hidden_size=case.hidden_size,
        activation=case.activation,
    )
    y, _ = planned.forward(x, w_ih, w_hh, b)
    times = interleave(
        {
            "forward": lambda: planned.forward(x, w_ih, w_hh, b),
            "backward": lambda: planned.backward(dy, x, y, w_ih, w_hh),
        }
    )
    flops = {"forward": case.forward_flops, "backward": 2 * case.forward_flops}
    return {direction: flops[direction] / min(rounds) / 1e9 for direction, rounds in times.items()}


def threads_in_words(count: int) -> str:
    """ "1 thread", "2 threads" """
    return f"{count} thread" if count == 1 else f"{count} threads"
