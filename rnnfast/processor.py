"""The processor that the compiled kernels run on: how many of its threads, and which of its instructions."""

from __future__ import annotations

from rnnfast import _cpu
from rnnfast.problem import check_size


def set_num_threads(threads: int) -> None:
    """The most threads that a call may use, at least 1.

    A variant has the same bits for any number; but "auto" may choose another variant for another number.

    Raises:
        ValueError: below 1. TypeError: no integer.
    """
    check_size("threads", threads)
    _cpu.set_num_threads(threads)


def get_num_threads() -> int:
    """The most threads that a call may use.

    What `set_num_threads` said, else the environment's RNNFAST_NUM_THREADS, else OMP_NUM_THREADS, else the number of
    processors that this process may run on, or on Linux the quota of its control group, rounded up, where that is less:
    a container sees all processors of its machine.
    """
    return _cpu.num_threads()


def isa() -> str:
    """The instruction set that the kernels use: the best that this processor has, or the environment's RNNFAST_ISA.

    Raises:
        RuntimeError: RNNFAST_ISA names one that this processor lacks.
    """
    return _cpu.default_isa()
