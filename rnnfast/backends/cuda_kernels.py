"""The CUDA C++ sources that the package carries: their text, and the structs that their kernels take.

A kernel is named by its file and a C++ expression, `stepwise_forward<float>`. Its source is one text with every include
pasted in, so that whatever compiles it needs neither the CUDA headers nor a folder to look in.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rnnfast import _cpu, pointwise
from rnnfast.problem import Problem
from rnnfast.typing import Array

FOLDER = Path(_cpu.__file__).with_name("cuda")

OPTIONS = ("--std=c++17",)
"""Of NVRTC. No fast mathematics: tanh and exp are those of a few ULP."""

C_TYPES = {"float32": "float", "float64": "double"}
MASK_TYPES = {**C_TYPES, "bool": "bool"}

_INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)
_FIELD = re.compile(r"^    (?:const )?(T|int|unsigned)(\*?) (\w+);", re.MULTILINE)


@lru_cache
def source(file: str) -> str:
    """The text of a .cu file with its includes, and the enum Activation, in the order of `pointwise.ACTIVATIONS`."""
    pasted: set[str] = set()

    def paste(name: str) -> str:
        if name in pasted:
            return ""
        pasted.add(name)
        text = (FOLDER / name).read_text().replace("#pragma once\n", "")
        return _INCLUDE.sub(lambda found: paste(found[1]), text)

    return f"enum class Activation {{ {', '.join(pointwise.ACTIVATIONS)} }};\n{paste(file)}"


@lru_cache
def layout(struct: str, dtype: str) -> np.dtype[Any]:
    """The layout in memory of a struct of arguments.cuh, its T being a dtype."""
    text = (FOLDER / "arguments.cuh").read_text()
    body = text[text.index(f"struct {struct} {{") :]
    types = {"T": dtype, "int": "int32", "unsigned": "uint32"}
    fields = _FIELD.findall(body[: body.index("\n};")])
    return np.dtype([(name, np.uintp if pointer else types[kind]) for kind, pointer, name in fields], align=True)


def arguments(struct: str, problem: Problem, **fields: int) -> Array:
    """A struct of a problem, as a kernel takes it; pointers and tile sizes that are not given are 0."""
    function = pointwise.get(problem.activation)
    filled = np.zeros((), layout(struct, problem.arithmetic))
    values: dict[str, Any] = {
        "seq_len": problem.seq_len,
        "batch": problem.batch,
        "hidden_size": problem.hidden_size,
        "reverse": problem.reverse,
        "hold": problem.masked_output == "hold",
        "bptt_steps": problem.bptt_steps or 0,
        "activation": list(pointwise.ACTIVATIONS).index(function.name),
        "alpha": function.alpha or 0.0,
        "beta": function.beta or 0.0,
        "clip": problem.clip or 0.0,
        **fields,
    }
    names = filled.dtype.names or ()
    for name, value in values.items():
        if name in names:
            filled[name] = value
    return filled
