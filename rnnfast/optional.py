"""Packages that rnnfast works with and does not need: each is imported where it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def require(package: str, *, extra: str, user: str) -> Any:
    """The module `package`.

    Args:
        extra: of rnnfast, that installs it.
        user: what needs it, as its reader would call it.

    Raises:
        ImportError: it is not installed; the message names the extra. One that is installed and broken says itself why.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package.partition(".")[0]:
            raise
        raise ModuleNotFoundError(f"{user} needs {package}: pip install 'rnnfast[{extra}]'", name=error.name) from error
