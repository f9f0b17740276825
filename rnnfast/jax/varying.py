"""Types of arrays on several devices, which say over which axes of the mesh an array is split or varies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import PartitionSpec


def alike(values: Sequence[Any]) -> list[Any]:
    """The same arrays, each whole on every device, and of a type that varies over the axes of any of them.

    So the gradient of one that is the same on all devices, a weight say, becomes the sum over them.
    """
    if not hasattr(jax, "typeof"):  # JAX is older than these types
        return list(values)
    axes = frozenset[str]().union(*(_axes(jax.typeof(value)) for value in values))
    return [_cast(_gathered(value), tuple(axes - _axes(jax.typeof(value)))) for value in values]


def shaped_like(aval: Any, shape: tuple[int, ...]) -> Any:
    """The type of an array of another shape, which varies as that one does; it is whole on every device."""
    return aval.update(shape=shape, weak_type=False, sharding=_whole(getattr(aval, "sharding", None), len(shape)))


def _whole(sharding: Any, axes: int) -> Any:
    return None if sharding is None else sharding.update(spec=PartitionSpec(*[None] * axes))


def _axes(aval: Any) -> frozenset[str]:
    account = getattr(aval, "manual_axis_type", None)
    return getattr(aval, "vma", frozenset()) if account is None else account.varying


def _gathered(value: Any) -> Any:
    """Where types say how an array is split over devices, as one that is not."""
    sharding = getattr(jax.typeof(value), "sharding", None)
    return jax.reshard(value, _whole(sharding, value.ndim)) if sharding is not None and any(sharding.spec) else value


def _cast(value: Any, axes: tuple[str, ...]) -> Any:
    if not axes:
        return value
    return jax.lax.pcast(value, axes, to="varying") if hasattr(jax.lax, "pcast") else jax.lax.pvary(value, axes)
