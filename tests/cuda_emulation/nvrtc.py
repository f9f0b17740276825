"""The kernels compiled by NVIDIA's compiler, without a GPU: what registers and memory they take on each architecture.

`python tests/cuda_emulation/nvrtc.py ARCH...` writes those of an architecture into `rnnfast/backends/registers.json`,
from which plans explain themselves, and which the tests compare with. NVRTC comes from PyPI: nvidia-cuda-nvrtc-cu12 for
CUDA 12, nvidia-cuda-nvrtc for CUDA 13.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from rnnfast.backends import cuda_kernels, gpu_instances

TABLE = Path(cuda_kernels.__file__).with_name("registers.json")
TOOLKITS = {12: "nvidia-cuda-nvrtc-cu12", 13: "nvidia-cuda-nvrtc"}
ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)

_ENTRY = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores.*?Used (\d+) registers",
    re.DOTALL,
)


class Resources(NamedTuple):
    """Of a thread: registers, bytes of local memory, bytes of it for registers that did not suffice."""

    registers: int
    stack: int
    spilled: int


class Nvrtc:
    """The compiler of one version of CUDA; FileNotFoundError if it is not installed."""

    def __init__(self, toolkit: int) -> None:
        try:
            package = metadata.distribution(TOOLKITS[toolkit])
        except metadata.PackageNotFoundError:
            raise FileNotFoundError(f"{TOOLKITS[toolkit]} is not installed") from None
        self.version = package.version
        paths = [Path(str(package.locate_file(file))) for file in package.files or ()]
        for name in ("libnvrtc-builtins.so", "libnvrtc.so"):  # the second looks for the first
            path = next(path for path in paths if path.name.startswith(name) and ".alt." not in path.name)
            self._library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)

    def compile(self, file: str, expressions: list[str], architecture: int) -> dict[str, Resources]:
        """Machine code of some instances of a .cu file; RuntimeError with the compiler's messages if it has none."""
        library, program = self._library, ctypes.c_void_p()
        source = cuda_kernels.source(file).encode()
        self._check(library.nvrtcCreateProgram(ctypes.byref(program), source, file.encode(), 0, None, None))
        for expression in expressions:
            self._check(library.nvrtcAddNameExpression(program, expression.encode()))
        # -ftz as CuPy has it
        options = [f"--gpu-architecture=sm_{architecture}", *cuda_kernels.OPTIONS, "-ftz=true", "--ptxas-options=-v"]
        given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = library.nvrtcCompileProgram(program, len(options), given)
        size = ctypes.c_size_t()
        self._check(library.nvrtcGetProgramLogSize(program, ctypes.byref(size)))
        log = ctypes.create_string_buffer(size.value)
        self._check(library.nvrtcGetProgramLog(program, log))
        text = log.value.decode()
        if status != 0:
            raise RuntimeError(text)
        found = {
            name: Resources(int(used), int(stack), int(spilled)) for name, stack, spilled, used in _ENTRY.findall(text)
        }
        mangled = ctypes.c_char_p()
        resources = {}
        for expression in expressions:
            self._check(library.nvrtcGetLoweredName(program, expression.encode(), ctypes.byref(mangled)))
            assert mangled.value is not None
            resources[expression] = found[mangled.value.decode()]
        self._check(library.nvrtcDestroyProgram(ctypes.byref(program)))
        return resources

    def _check(self, status: int) -> None:
        if status != 0:
            raise RuntimeError(f"NVRTC: error {status}")


def main(architectures: list[int]) -> None:
    compiler = Nvrtc(13)
    for architecture in architectures:
        rows: dict[str, Resources] = {}
        for file, expressions in gpu_instances.instances(architecture).items():
            rows |= compiler.compile(file, expressions, architecture)
        table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
        table["nvrtc"] = compiler.version
        table[f"sm_{architecture}"] = rows
        ordered = {key: table[key] for key in sorted(table, key=lambda key: int(key[3:]) if key[:3] == "sm_" else 0)}
        lines = [f'  "{key}": {_lines(value)}' for key, value in ordered.items()]
        TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _lines(value: str | dict[str, list[int]]) -> str:
    """A row a line."""
    if isinstance(value, str):
        return json.dumps(value)
    return "{\n" + ",\n".join(f'    "{name}": {json.dumps(list(row))}' for name, row in value.items()) + "\n  }"


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or list(ARCHITECTURES))
