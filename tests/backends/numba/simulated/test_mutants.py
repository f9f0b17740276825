"""Each barrier and each bounds check of the kernels is taken out in turn, and the kernels must then fail."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from gpu_problems import check, random_arguments

from rnnfast.backends.numba_kernels import block, copies, pointwise, product, stepwise
from rnnfast.problem import Problem

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_ENABLE_CUDASIM") != "1", reason="changes kernels in the simulator"
)

# In the order in which they import one another.
MODULES = (pointwise, copies, product, stepwise, block)
SOURCES = {module.__name__: Path(module.__file__).read_text() for module in MODULES}

# What is taken out, and what stands in its place.
CUTS = {
    "barrier": (re.compile(r"cuda\.syncthreads\(\)"), "pass"),
    "bounds": (re.compile(r"(?<=if )(\w+ < [\w.]+\.(size|shape\[\d\])|i < batch \* hidden_size)"), "True"),
    "bounds of the second index": (re.compile(r"(?<=and )\w+ < \w+\.shape\[\d\]"), "True"),
    "bounds of a block": (re.compile(r"(?<=seq_len, exists = y\.shape\[0\], )row < y\.shape\[1\]"), "True"),
}
MUTANTS = [
    (name, what, number)
    for name, text in SOURCES.items()
    for what, (pattern, _) in CUTS.items()
    for number in range(len(pattern.findall(text)))
]


def execute(changed: dict[str, str]) -> None:
    """The modules of the kernels once more, some with another text."""
    for module in MODULES:
        tile = getattr(module, "TILE", None)
        exec(compile(changed.get(module.__name__, SOURCES[module.__name__]), module.__file__, "exec"), vars(module))
        if tile is not None:
            vars(module)["TILE"] = tile


@pytest.fixture
def mutate() -> Iterator[Callable[[str, str, int], None]]:
    """Takes the numbered place out of a module."""

    def cut(name: str, what: str, number: int) -> None:
        pattern, replacement = CUTS[what]
        place = list(pattern.finditer(SOURCES[name]))[number]
        text = SOURCES[name][: place.start()] + replacement + SOURCES[name][place.end() :]
        execute({name: text})

    yield cut
    execute({})


def run(numba: ModuleType) -> None:
    """Problems that have several tiles and blocks in either direction, none of them full."""
    for variant, given in (("stepwise", ("h0", "dh_n")), ("block", ())):
        problem = Problem(3, 5, 6, 7)
        check(problem, random_arguments(problem, 1, "dy", "mask", *given), numba, variant)


def test_what_is_left_as_it_is_runs(numba: ModuleType) -> None:
    execute({})
    run(numba)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=lambda mutant: f"{mutant[0].rpartition('.')[2]}-{mutant[1]}-{mutant[2]}"
)
def test_every_mutant_fails(
    mutant: tuple[str, str, int], numba: ModuleType, mutate: Callable[[str, str, int], None]
) -> None:
    mutate(*mutant)
    with pytest.raises((AssertionError, IndexError)):
        run(numba)


def test_every_barrier_is_among_them() -> None:
    barriers = sum(text.count("cuda.syncthreads()") for text in SOURCES.values())
    assert sum(what == "barrier" for _, what, _ in MUTANTS) == barriers == 6
