"""The element types of ONNX that are supported, as dtypes of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

_NAMES = (
    "FLOAT", "DOUBLE", "FLOAT16", "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64",
)  # fmt: skip
_KNOWN = {TensorProto.DataType.Value(name): name for name in _NAMES}


def dtype_of(element_type: int) -> np.dtype[Any]:
    """The dtype of arrays of an ONNX element type; ValueError if it is not supported."""
    if element_type not in _KNOWN:
        known = [*TensorProto.DataType.keys()]
        name = known[element_type] if 0 <= element_type < len(known) else element_type
        raise ValueError(f"element type: expected one of {', '.join(_NAMES)}, got {name}")
    dtype: np.dtype[Any] = np.dtype(helper.tensor_dtype_to_np_dtype(element_type))
    return dtype
