"""The operators of ONNX that a model may have."""

from rnnfast.onnx.node import Builder
from rnnfast.onnx.operators.activation import ACTIVATION
from rnnfast.onnx.operators.control_flow import CONTROL_FLOW
from rnnfast.onnx.operators.convolution import CONVOLUTION
from rnnfast.onnx.operators.elementwise import ELEMENTWISE
from rnnfast.onnx.operators.indexing import INDEXING
from rnnfast.onnx.operators.normalisation import NORMALISATION
from rnnfast.onnx.operators.recurrence import RECURRENCE
from rnnfast.onnx.operators.reductions import REDUCTIONS
from rnnfast.onnx.operators.shapes import SHAPES

_TABLES = (
    ACTIVATION, CONTROL_FLOW, CONVOLUTION, ELEMENTWISE, INDEXING, NORMALISATION, RECURRENCE, REDUCTIONS, SHAPES,
)  # fmt: skip

OPERATORS: dict[str, Builder] = dict(sorted(entry for table in _TABLES for entry in table.items()))
"""By name: what makes the function of a node."""
