"""rnnfast as a backend in the sense of ONNX's own interface, through which ONNX's backend tests run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend, BackendRep

from rnnfast.onnx.model import Model, load


class RnnfastRep(BackendRep):  # type: ignore[misc]  # untyped in onnx
    """A model that is ready to be run."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs for arrays in the order of the model's inputs."""
        names = [value.name for value in self.model.inputs]
        return tuple(self.model.run(dict(zip(names, map(np.asarray, inputs), strict=True))).values())


class RnnfastBackend(Backend):  # type: ignore[misc]  # untyped in onnx
    """`rnnfast.onnx.load`, as `onnx.backend.base.Backend` has it."""

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether models run there: on the CPU."""
        return device == "CPU"

    @classmethod
    def is_compatible(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether `prepare` takes the model."""
        try:
            load(model)
        except ValueError:
            return False
        return cls.supports_device(device)

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **kwargs: Any) -> BackendRep:
        """The model, ready to be run; raises as `rnnfast.onnx.load`, and ValueError for another device."""
        if not cls.supports_device(device):
            raise ValueError(f"device: expected 'CPU', got {device!r}")
        return RnnfastRep(load(model))
