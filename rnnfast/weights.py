"""Weight files: safetensors, written beside the target and renamed, read only as a whole."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from rnnfast.files import write_whole
from rnnfast.typing import Array


def save(path: str | Path, tensors: dict[str, Array], metadata: dict[str, str] | None = None) -> None:
    """Writes C-contiguous arrays and texts by name to `path`; a file that is there is replaced in one go, or kept.

    Raises:
        ImportError: safetensors is not installed. OSError: the folder cannot be written to.
    """
    write_whole(path, _safetensors().numpy.save(tensors, metadata))


def read(path: str | Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays and the texts in `path`, by name.

    Raises:
        ImportError: safetensors is not installed. OSError: the file cannot be read.
        ValueError: it is no safetensors file.
    """
    library = _safetensors()
    Path(path).open("rb").close()  # what the system says is better than what the library makes of it
    try:
        with library.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except Exception as error:  # safetensors has an error class of its own, and lets others through for odd dtypes
        raise ValueError(f"path: expected a safetensors file, got {path} ({error})") from error


def load(path: str | Path, expected: dict[str, Array]) -> dict[str, Array]:
    """The arrays in `path`, which must have the names, shapes and dtypes of `expected`.

    Raises:
        ImportError, OSError: see `read`.
        ValueError: it is no safetensors file, or its arrays are others; the message names the first.
    """
    tensors, _ = read(path)
    check(path, tensors, expected)
    return tensors


def check(path: str | Path, tensors: dict[str, Array], expected: dict[str, Array]) -> None:
    """ValueError unless what was read from `path` has the names, shapes and dtypes of `expected`."""
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


def _safetensors() -> ModuleType:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError("weight files need safetensors: pip install 'rnnfast[train]'") from error
    module: ModuleType = safetensors
    return module
