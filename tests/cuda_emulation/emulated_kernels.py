"""The kernels of a .cu file compiled with g++ for the CPU, with a switch that takes out one barrier or check."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rnnfast.backends import cuda_kernels

HERE = Path(__file__).parent
COMMAND = ["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-fno-gnu-unique"]
COMMAND += ["-Wall", "-Werror", "-Wno-unused-function", "-Wno-unknown-pragmas"]

_TARGET = re.compile(
    r"(?<!inline bool )\binside\((?:[^()]|\([^()]*\))*\)|__syncthreads\(\);|^ *grid_barrier\(.*\);", re.M
)


class Mutant(NamedTuple):
    """A barrier or a bounds check that can be taken out."""

    number: int
    text: str


def with_switches(text: str) -> tuple[str, list[Mutant]]:
    """The source with every barrier and bounds check under `emulation::mutant`, and what they are."""
    mutants: list[Mutant] = []

    def switch(found: re.Match[str]) -> str:
        line = text[: found.start()].count("\n")
        number = len(mutants) + 1
        mutants.append(Mutant(number, text.splitlines()[line].strip()))
        if found[0].startswith("inside"):
            return f"(emulation::mutant == {number} || {found[0]})"
        return f"if (emulation::mutant != {number}) {found[0].strip()}"

    return _TARGET.sub(switch, text), mutants


class EmulatedFile:
    """A .cu file compiled with the instances asked for; compiled once."""

    def __init__(self, file: str, expressions: list[str], folder: Path) -> None:
        text, self.mutants = with_switches(cuda_kernels.source(file))
        wrappers = "".join(f"EMULATION_KERNEL({i}, {expression})\n" for i, expression in enumerate(expressions))
        path = folder / f"{Path(file).stem}.cpp"
        path.write_text(f'#include "emulation.hpp"\n{text}\n{wrappers}')
        library = path.with_suffix(".so")
        subprocess.run([*COMMAND, f"-I{HERE}", str(path), "-o", str(library)], check=True)
        loaded = ctypes.CDLL(str(library))
        self._functions = {name: getattr(loaded, f"kernel_{i}") for i, name in enumerate(expressions)}
        for function in self._functions.values():
            function.restype = ctypes.c_char_p
        self.mutant = 0
        self.seed = 0

    def launch(
        self,
        expression: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        arguments: list[np.ndarray],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        """Runs a kernel to its end; RuntimeError if it goes astray."""
        assert len(grid) <= 2
        assert len(block) == 1
        pointers = (ctypes.c_void_p * len(arguments))(*(value.ctypes.data for value in arguments))
        self.seed += 1
        message = self._functions[expression](
            *(ctypes.c_uint(size) for size in (*grid, 1)[:2]),
            ctypes.c_uint(block[0]),
            ctypes.c_size_t(shared_bytes),
            int(cooperative),
            ctypes.c_uint(self.seed),
            self.mutant,
            pointers,
        )
        if message:
            raise RuntimeError(f"{expression}: {message.decode()}")
