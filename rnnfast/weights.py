"""Weight files: safetensors, written beside the target and renamed, read only as a whole."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from rnnfast.files import write_whole
from rnnfast.typing import Array


def save(path: str | Path, tensors: dict[str, Array]) -> None:
    """Writes C-contiguous arrays by name to `path`; a file that is there is replaced in one go, or kept.

    Raises:
        ImportError: safetensors is not installed. OSError: the folder cannot be written to.
    """
    write_whole(path, _safetensors().save(tensors))


def load(path: str | Path, expected: dict[str, Array]) -> dict[str, Array]:
    """The arrays in `path`, which must have the names, shapes and dtypes of `expected`.

    Raises:
        ImportError: safetensors is not installed. OSError: the file cannot be read.
        ValueError: it is no safetensors file, or its arrays are others; the message names the first.
    """
    library = _safetensors()
    data = Path(path).read_bytes()
    try:
        tensors: dict[str, Array] = library.load(data)
    except Exception as error:  # safetensors has an error class of its own, and lets KeyError through for odd dtypes
        raise ValueError(f"path: expected a safetensors file, got {path} ({error})") from error
    if tensors.keys() != expected.keys():
        missing, unknown = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
        raise ValueError(
            f"path: expected the weights {sorted(expected)} in {path}, missing {missing}, unknown {unknown}"
        )
    for name, wanted in expected.items():
        given = tensors[name]
        if (given.shape, given.dtype) != (wanted.shape, wanted.dtype):
            raise ValueError(
                f"path: expected {name} of shape {wanted.shape} and dtype {wanted.dtype} in {path}, "
                f"got {given.shape} and {given.dtype}"
            )
    return tensors


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("weight files need safetensors: pip install 'rnnfast[train]'") from error
    module: ModuleType = safetensors.numpy
    return module
