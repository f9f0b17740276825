"""vmap of the primitives: over sequences one call with a larger batch, over weights one call after another.

`places` are the axes over which operands are mapped, or None.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching

from rnnfast.jax.options import Options
from rnnfast.jax.primitives import backward, forward, no_derivative, tangent

WEIGHTS = ("w_ih", "w_hh", "b")


def _batch_forward(
    operands: Sequence[Any], places: Sequence[int | None], *, names: tuple[str, ...], options: Options
) -> tuple[Any, Any]:
    mapped = {name: place for name, place in zip(names, places, strict=True) if place is not None}
    if any(name in mapped for name in WEIGHTS):  # each example has its own
        return _one_by_one(forward, operands, places, names=names, options=options)
    given = dict(zip(names, operands, strict=True))
    count = next(given[name].shape[place] for name, place in mapped.items())
    folded = [
        value if name in WEIGHTS else _fold(value, mapped.get(name), options.axes(name).index("B"), count)
        for name, value in given.items()
    ]
    y, h_n = forward.bind(*folded, names=names, options=options)
    axes = [options.axes(name).index("B") for name in ("y", "h0")]
    unfolded = [
        value.reshape(*value.shape[:axis], count, -1, *value.shape[axis + 1 :])
        for value, axis in zip((y, h_n), axes, strict=True)
    ]
    return unfolded, axes


def _fold(value: Any, place: int | None, axis: int, count: int) -> Any:
    """The mapped axis, and the one of the batch at `axis`, as one; what is not mapped is repeated."""
    if place is None:
        value = jnp.broadcast_to(jnp.expand_dims(value, axis), (*value.shape[:axis], count, *value.shape[axis:]))
    else:
        value = jnp.moveaxis(value, place, axis)
    return value.reshape(*value.shape[:axis], -1, *value.shape[axis + 2 :])


def _one_by_one(
    primitive: Primitive, operands: Sequence[Any], places: Sequence[int | None], **parameters: Any
) -> tuple[Any, Any]:
    def one(mapped: Sequence[Any]) -> Any:
        rest = iter(mapped)
        values = [value if place is None else next(rest) for value, place in zip(operands, places, strict=True)]
        return primitive.bind(*values, **parameters)

    pairs = zip(operands, places, strict=True)
    results = jax.lax.map(one, [jnp.moveaxis(value, place, 0) for value, place in pairs if place is not None])
    return results, [0] * len(results)


batching.primitive_batchers[forward] = _batch_forward
# A gradient by weights is wanted for each example, and the kernel sums it up over its batch.
batching.primitive_batchers[backward] = partial(_one_by_one, backward)
batching.primitive_batchers[tangent] = no_derivative
