"""A node of a graph, as the operators see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rnnfast.typing import Array

Function = Callable[..., "Array | tuple[Array, ...]"]
"""Takes the arrays of a node's inputs, None where one is left out, and returns those of its outputs."""


class Node(NamedTuple):
    """One operator at work.

    Attributes:
        operator: its name.
        attributes: by name: numbers, texts, arrays, lists of them, or graphs.
        outputs: how many it has.
        opset: the version of ONNX's operators that it is written in.
        around: names of what the graphs inside it take from the one around; these arrays come after its inputs.
    """

    operator: str
    attributes: dict[str, Any]
    outputs: int
    opset: int
    around: tuple[str, ...] = ()

    def argument(self, name: str, given: Array | None) -> Any:
        """What later opsets take as the input `given`, and earlier ones as the attribute of that name."""
        return self.attributes.get(name) if given is None else given


Builder = Callable[[Node], Function]
"""Makes the function of a node; ValueError where it is one that is not supported."""
