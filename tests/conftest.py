"""Fixtures for the whole suite."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
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


@pytest.fixture
def numeric_gradient() -> Callable:
    """The gradient of a scalar function by central differences in float64, moving `array` in place and back."""

    def gradient(f: Callable[[], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
        assert array.dtype == np.float64
        result = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            above = f()
            array[index] = kept - step
            below = f()
            array[index] = kept
            result[index] = (above - below) / (2 * step)
        return result

    return gradient
