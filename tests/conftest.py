"""Fixtures that several test files use."""

from collections.abc import Callable

import numpy as np
import pytest


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
