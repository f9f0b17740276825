"""A model and its training in one file, so that what goes on from it comes to the same bits.

One safetensors file, for a rename replaces one file in one go, and nothing replaces a folder so. Its tensors are

    weights/<layer>/<weight>     in Keras's shapes, rows that the optimizer owes updates as they stand
    optimizer/<slot>             `Optimizer.state`
    states/<layer>/<number>      of stateful layers

and its metadata a JSON text, "rnnfast", with all that is no tensor, and "crc32", a checksum over text and tensors.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnfast import weights as weight_files
from rnnfast.backends import REGISTRY
from rnnfast.configuration import NOTHING, decode, encode
from rnnfast.problem import check_option
from rnnfast.typing import Array

if TYPE_CHECKING:
    from rnnfast.model import Sequential
    from rnnfast.parameters import Parameter
    from rnnfast.random_masks import MaskGenerator

FORMAT = 2


def save(model: Sequential, path: str | Path, notes: Mapping[str, Any] = NOTHING) -> None:
    """As `Sequential.save`; `notes` is what else JSON can hold, for `load`."""
    if not model.built:
        raise ValueError("the model has no weights before it is built: call build or fit first")
    parameters = _parameters(model)
    compiled = model.get_compile_config()
    optimizer = model.optimizer if compiled else None
    names = {id(parameter): name for name, parameter in parameters.items()}
    document = {
        "format": FORMAT,
        "model": encode("model", model),
        "input_shape": model.layers[0].built_for,
        "trainable": [layer.trainable for layer in model.layers],
        "epochs_done": model.epochs_done,
        "compile": compiled,
        "optimizer_parameters": [names[id(parameter)] for parameter in optimizer.parameters] if optimizer else [],
        "shuffle": model.shuffle_rng.bit_generator.state,
        "masks": [generator.state for generator in _mask_generators(model)],
        "notes": dict(notes),
    }
    tensors = {f"weights/{name}": parameter.snapshot() for name, parameter in parameters.items()}
    tensors |= {f"optimizer/{name}": array for name, array in (optimizer.state() if optimizer else {}).items()}
    for layer, states in zip(model.layers, model.get_states(), strict=True):
        tensors |= {f"states/{layer.name}/{number}": np.array(state, order="C") for number, state in enumerate(states)}
    text = json.dumps(document, default=np.ndarray.tolist)
    weight_files.save(path, tensors, {"rnnfast": text, "crc32": _checksum(text, tensors)})


def load_model(
    path: str | Path, custom_objects: Mapping[str, Any] = NOTHING, *, backend: str | None = None
) -> Sequential:
    """The model that `Sequential.save` wrote, ready to be used, and to be trained from where it was.

        model = rnnfast.load_model("model.safetensors")
        model.fit(x, y, epochs=10, initial_epoch=model.epochs_done)

    Args:
        path: the file.
        custom_objects: classes and functions by name that the model has and rnnfast has not: layers, metrics, ...
            Nothing else that the file names is ever imported or run.
        backend: of the model and of all its layers, in place of those in the file, which are any backend's: what was
            trained with one goes on with another.

    Raises:
        ValueError: another or a damaged file; a name that is neither known nor in custom_objects.
        ImportError: safetensors is not installed. OSError: there is no such file, or it cannot be read.
        RuntimeError: the backend cannot run here.
    """
    return load(path, custom_objects, backend=backend)[0]


def load(
    path: str | Path, custom_objects: Mapping[str, Any] = NOTHING, *, backend: str | None = None
) -> tuple[Sequential, dict[str, Any]]:
    """The model and the notes that `save` wrote; raises as `load_model` does."""
    tensors, metadata = weight_files.read(path)
    text = metadata.get("rnnfast")
    if text is None:
        raise ValueError(f"path: expected a model that rnnfast saved, got {path}, which has no architecture")
    if metadata.get("crc32") != _checksum(text, tensors):
        raise ValueError(f"path: expected a file as it was written, got {path}, which is damaged")
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise ValueError(f"path: expected format {FORMAT} in {path}, got {document['format']}")
    if backend is not None:
        check_option("backend", backend, ("auto", *REGISTRY))
        _replace(document["model"], "backend", backend)
    model: Sequential = decode(document["model"], custom_objects)
    model.build(document["input_shape"])
    parameters = _parameters(model)
    parts: dict[str, dict[str, Array]] = {"weights": {}, "optimizer": {}, "states": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = tensor
    weight_files.check(path, parts["weights"], {name: p.snapshot() for name, p in parameters.items()})
    for name, parameter in parameters.items():
        parameter.write(parts["weights"][name])
    for layer, trainable in zip(model.layers, document["trainable"], strict=True):
        layer.trainable = trainable
        count = sum(name.startswith(f"{layer.name}/") for name in parts["states"])
        layer.set_states([parts["states"][f"{layer.name}/{number}"] for number in range(count)])
    if document["compile"] is not None:
        model.compile_from_config(document["compile"], custom_objects)
        if document["optimizer_parameters"]:
            model.build_optimizer([parameters[name] for name in document["optimizer_parameters"]])
        model.optimizer.load_state(parts["optimizer"])
    model.shuffle_rng.bit_generator.state = document["shuffle"]
    for generator, state in zip(_mask_generators(model), document["masks"], strict=True):
        generator.state = state
    model.epochs_done = document["epochs_done"]
    return model, document["notes"]


def _replace(config: Any, name: str, value: str) -> None:
    """Sets the argument of that name wherever a configuration has it, in place."""
    for item in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _replace(item, name, value)
    if isinstance(config, dict) and name in config:
        config[name] = value


def _parameters(model: Sequential) -> dict[str, Parameter]:
    return {f"{layer.name}/{parameter.name}": parameter for layer in model.layers for parameter in layer.parameters}


def _mask_generators(model: Sequential) -> list[MaskGenerator]:
    """Those of a model that is built, in an order that depends on its layers alone."""
    return [generator for layer in model.layers for generator in layer.generators()]


def _checksum(text: str, tensors: Mapping[str, Array]) -> str:
    """Over the text, and over name, dtype, shape and bytes of every tensor."""
    crc = zlib.crc32(text.encode())
    for name, tensor in sorted(tensors.items()):
        crc = zlib.crc32(f"{name} {tensor.dtype} {tensor.shape}".encode(), crc)
        crc = zlib.crc32(tensor.data, crc)
    return f"{crc:08x}"
