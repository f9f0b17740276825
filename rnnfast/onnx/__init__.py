"""ONNX: `load` runs models of the operator RNN and of those around it; `export` writes rnnfast's own.

Needs the package onnx (pip install 'rnnfast[onnx]'), and nothing of ONNX Runtime.
"""

from rnnfast.optional import require

require("onnx", extra="onnx", user="rnnfast.onnx")

from rnnfast.onnx.exporting.models import export, to_proto  # noqa: E402  # onnx is there
from rnnfast.onnx.model import Model, Value, load  # noqa: E402

__all__ = ["Model", "Value", "export", "load", "to_proto"]
