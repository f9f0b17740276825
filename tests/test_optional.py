"""Packages that rnnfast works with and does not need."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rnnfast.optional import require


def test_what_is_installed_is_imported() -> None:
    assert require("json", extra="torch", user="rnnfast.torch") is json


def test_what_is_missing_names_the_extra() -> None:
    with pytest.raises(ImportError) as raised:
        require("not_installed_anywhere", extra="torch", user="rnnfast.torch")
    assert str(raised.value) == "rnnfast.torch needs not_installed_anywhere: pip install 'rnnfast[torch]'"
    assert raised.value.name == "not_installed_anywhere"


def test_sys_modules_none_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"rnnfast.torch needs torch: pip install 'rnnfast\[torch\]'"):
        require("torch", extra="torch", user="rnnfast.torch")


def test_what_is_installed_and_broken_says_itself_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another extra would not help where a dependency of the package is what is missing."""
    (tmp_path / "broken_package.py").write_text("import a_dependency_that_is_missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_dependency_that_is_missing") as raised:
        require("broken_package", extra="torch", user="rnnfast.torch")
    assert raised.value.name == "a_dependency_that_is_missing"
