"""The suites by name: which cases, along which axis, and for how long.

Sizes of a case: batch, seq_len, input_size, hidden_size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnnfast.bench.cases import PEER_CASES, Case
from rnnfast.bench.seed_models import IMDB, SMS

TIME, MEMORY = "time", "memory"


@dataclass(frozen=True)
class Suite:
    """Cases that are shown together.

    Attributes:
        about: a line for people.
        cases: what is timed, in this order.
        axis: the size that varies, a field of Case or "threads", for a plot against it; None: a bar for each case.
        measure: TIME, or MEMORY for the peak of one pass beyond what its arguments take.
        own: the kernels of rnnfast alone.
        seconds: for each case and pass, unless --seconds says otherwise.
    """

    about: str
    cases: tuple[Case, ...]
    axis: str | None = None
    measure: str = TIME
    own: bool = False
    seconds: float = 10.0


def _along(values: tuple[int, ...], case: Callable[[int], Case]) -> tuple[Case, ...]:
    return tuple(map(case, values))


HIDDEN = (16, 32, 64, 128, 256, 512, 1024)

SUITES: dict[str, Suite] = {
    "quick": Suite(
        "a tiny case, a large one and one sequence alone, in under two minutes",
        tuple(PEER_CASES[index] for index in (0, 4, 7)),
        seconds=4.0,
    ),
    "hidden": Suite("time against hidden size", _along(HIDDEN, lambda h: Case(32, 100, h, h)), "hidden_size"),
    "length": Suite(
        "time against sequence length",
        _along((10, 30, 100, 300, 1000, 3000), lambda t: Case(32, t, 64, 64)),
        "seq_len",
    ),
    "batch": Suite("time against batch", _along((1, 4, 16, 64, 256), lambda b: Case(b, 100, 128, 128)), "batch"),
    "latency": Suite("one sequence at a time", _along(HIDDEN, lambda h: Case(1, 100, h, h)), "hidden_size"),
    "seeds": Suite("training steps and epochs of the two seed models", (IMDB, SMS), seconds=60.0),
    "deepbench": Suite(
        "DeepBench's vanilla layers",
        tuple(Case(b, 50, h, h, "relu") for h in (1760, 2048, 2560) for b in (16, 32, 64, 128)),
        seconds=60.0,
    ),
    "memory": Suite(
        "peak memory against sequence length, with and without checkpointing",
        _along((30, 100, 300, 1000, 3000, 10000), lambda t: Case(32, t, 16, 128)),
        "seq_len",
        measure=MEMORY,
    ),
    "scaling": Suite(
        "speed-up by threads",
        (Case(32, 100, 64, 64), Case(32, 100, 256, 256), Case(64, 20, 1024, 1024)),
        "threads",
    ),
    "gpu": Suite(
        "six cases for a GPU, in under ten minutes",
        (
            Case(32, 100, 64, 64),
            Case(256, 100, 128, 128),
            Case(32, 100, 256, 256),
            Case(1, 100, 512, 512),
            Case(64, 100, 1024, 1024),
            Case(32, 50, 2560, 2560, "relu"),
        ),
        seconds=15.0,
    ),
    "variants": Suite(
        "which kernel is best over hidden size and batch",
        tuple(Case(b, 30, h, h) for h in (8, 16, 32, 64, 128, 256, 512) for b in (1, 4, 16, 64, 256)),
        own=True,
        seconds=2.0,
    ),
}
