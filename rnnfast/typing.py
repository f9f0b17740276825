"""Types that the whole package uses."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array; shapes and dtypes stand in the docstrings."""

ArrayLike: TypeAlias = Any
"""A NumPy array, or an object on the CPU that speaks DLPack."""

Seed: TypeAlias = int | np.random.SeedSequence | None
