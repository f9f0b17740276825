"""Objects as JSON: the name of the class, and the arguments that it was made with.

Nothing is imported or run because a file says so: a name stands for a class of rnnfast, or for what the caller gave.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

KNOWN: dict[str, type[Configurable]] = {}
"""The classes of rnnfast by `class_name`."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

Self = TypeVar("Self", bound="Configurable")


class Configurable:
    """What can be made again from the arguments of its constructor.

    Each argument must be an attribute of the same name, whose value the constructor would take again, or `arguments`
    must say what it was.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if _is_ours(cls):
            KNOWN[class_name(cls)] = cls

    def arguments(self) -> dict[str, Any]:
        """The arguments that make an equal object."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def get_config(self) -> dict[str, Any]:
        """The `arguments` as what JSON can hold.

        Raises:
            TypeError: an argument that JSON cannot hold.
        """
        return {name: encode(name, value) for name, value in self.arguments().items()}

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any], custom_objects: Mapping[str, Any] = NOTHING) -> Self:
        """An object made with the arguments that `get_config` returned.

        Args:
            config: what `get_config` returned.
            custom_objects: classes and functions by name that are not part of rnnfast.

        Raises:
            ValueError, TypeError: a name that is not known, or arguments that the class does not take.
        """
        return cls(**{name: decode(value, custom_objects) for name, value in config.items()})


def class_name(kind: type) -> str:
    """What files call a class: "metrics.AUC" for `rnnfast.metrics.AUC`, and the bare name for one of somebody else."""
    return f"{kind.__module__.split('.')[1]}.{kind.__name__}" if _is_ours(kind) else kind.__name__


def encode(name: str, value: Any) -> Any:
    """The argument `name` as what JSON can hold; TypeError where that is not known."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Configurable):
        return {"class": class_name(type(value)), "config": value.get_config()}
    if isinstance(value, np.random.SeedSequence):
        return {"entropy": encode(name, value.entropy), "spawn_key": list(value.spawn_key)}
    if isinstance(value, list | tuple):
        return [encode(name, item) for item in value]
    if inspect.isfunction(value) or inspect.isbuiltin(value):
        return {"function": value.__name__}
    raise TypeError(f"{name}: expected numbers, strings, lists, functions or objects with get_config, got {value!r}")


def decode(data: Any, custom_objects: Mapping[str, Any]) -> Any:
    """The value that `encode` made `data` of; raises as `Configurable.from_config` does."""
    if isinstance(data, list):
        return [decode(item, custom_objects) for item in data]
    if not isinstance(data, dict):
        return data
    if "entropy" in data:
        return np.random.SeedSequence(data["entropy"], spawn_key=tuple(data["spawn_key"]))
    if "function" in data:
        return _find(data["function"], custom_objects)
    return _find(data["class"], {**KNOWN, **custom_objects}).from_config(data["config"], custom_objects)


def _is_ours(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def _find(name: str, objects: Mapping[str, Any]) -> Any:
    if name not in objects:
        raise ValueError(f"custom_objects: expected {name!r}, which is no part of rnnfast, got {sorted(objects)}")
    return objects[name]
