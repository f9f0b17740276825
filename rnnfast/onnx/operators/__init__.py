"""The operators of ONNX that a model may have."""

from rnnfast.onnx.node import Builder
from rnnfast.onnx.operators.elementwise import ELEMENTWISE
from rnnfast.onnx.operators.recurrence import recurrence
from rnnfast.onnx.operators.reductions import REDUCTIONS
from rnnfast.onnx.operators.shapes import SHAPES

OPERATORS: dict[str, Builder] = dict(sorted({**ELEMENTWISE, **REDUCTIONS, **SHAPES, "RNN": recurrence}.items()))
"""By name: what makes the function of a node."""
