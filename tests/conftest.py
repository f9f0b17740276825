"""Fixtures for the whole suite."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Read before any test changes the environment.
_USER_FOLDER = os.environ.get("RNNFAST_DATA")
_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def find_data() -> Callable[[str], Path]:
    """Path of a real archive by its file name; skips the test where there is none."""

    def find(file_name: str) -> Path:
        folders = [Path(_USER_FOLDER)] if _USER_FOLDER else []
        for folder in [*folders, _BESIDE_CHECKOUT]:
            if (folder / file_name).is_file():
                return folder / file_name
        pytest.skip(f"{file_name} is neither in RNNFAST_DATA ({_USER_FOLDER or 'not set'}) nor in {_BESIDE_CHECKOUT}")

    return find
