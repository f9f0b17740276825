"""Operators that run the graphs inside of them: Keras writes its recurrences as loops."""

from __future__ import annotations

from itertools import count as counter
from typing import Any

import numpy as np

from rnnfast.onnx.node import Builder, Function, Node
from rnnfast.typing import Array


def _if(node: Node) -> Function:
    branches = node.attributes["else_branch"], node.attributes["then_branch"]

    def choose(condition: Array, *around: Array) -> tuple[Array, ...]:
        return tuple(branches[bool(condition)].run(dict(zip(node.around, around, strict=True))))

    return choose


def _loop(node: Node) -> Function:
    """At most `limit` times, as long as the condition holds: the body takes the number of the turn, the condition and
    what is carried on, and returns the next condition, what is carried on, and a row of each array that is collected.
    """
    body = node.attributes["body"]
    number, condition, *carried_names = body.inputs

    def loop(limit: Array | None, go_on: Array | None, *arrays: Array) -> tuple[Array, ...]:
        carried = arrays[: len(carried_names)]
        around = dict(zip(node.around, arrays[len(carried_names) :], strict=True))
        going: Any = True if go_on is None else go_on
        collected: list[list[Array]] = [[] for _ in body.outputs[1 + len(carried) :]]
        for turn in counter() if limit is None else range(int(limit.item())):
            if not going:
                break
            given = {number: np.array(turn, np.int64), condition: np.asarray(going)}
            going, *made = body.run({**around, **given, **dict(zip(carried_names, carried, strict=True))})
            carried = tuple(made[: len(carried)])
            for rows, row in zip(collected, made[len(carried) :], strict=True):
                rows.append(row)
        first = 1 + len(carried)
        return (
            *carried,
            *(np.stack(rows) if rows else body.empty_output(first + i) for i, rows in enumerate(collected)),
        )

    return loop


CONTROL_FLOW: dict[str, Builder] = {"If": _if, "Loop": _loop}
