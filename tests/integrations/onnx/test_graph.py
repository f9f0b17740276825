"""What holds of the nodes of any model: constants, defaults, errors, and graphs inside of nodes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402  # onnx is there

import rnnfast  # noqa: E402
from rnnfast.onnx import load  # noqa: E402

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
info, node = helper.make_tensor_value_info, helper.make_node


def model(nodes: list[Any], inputs: list[Any], constants: dict[str, Any] | None = None, **options: Any) -> Any:
    """With the output y of float32."""
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", inputs, [info("y", FLOAT, None)], initializers, **options)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


X = info("x", FLOAT, ["n", 2])


@pytest.mark.parametrize("places", [[1, 2], [[0, 1], [1, 0]]])
def test_sparse_constants(places: Any) -> None:
    """Whose places are numbers of elements, or of rows and columns."""
    values = numpy_helper.from_array(np.array([3, 4], np.float32), "s")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(places), "places"), [2, 2])
    proto = model([node("Add", ["x", "s"], ["y"])], [X], sparse_initializer=[sparse])
    np.testing.assert_array_equal(load(proto)(np.ones((2, 2), np.float32)), [[1, 4], [5, 1]])


def test_an_input_with_a_default() -> None:
    proto = model([node("Add", ["x", "w"], ["y"])], [X, info("w", FLOAT, [2])], {"w": np.array([1, 2], np.float32)})
    loaded, x = load(proto), np.zeros((1, 2), np.float32)
    assert [value.name for value in loaded.inputs] == ["x"]
    np.testing.assert_array_equal(loaded(x), [[1, 2]])
    np.testing.assert_array_equal(loaded(x, w=np.array([5, 6], np.float32)), [[5, 6]])
    np.testing.assert_array_equal(loaded(x), [[1, 2]])
    with pytest.raises(ValueError, match=r"w: expected shape \(2,\), got \(3,\)"):
        loaded(x, w=np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("operator", "inputs", "message"),
    [
        ("Gather", ["w", "ids"], r"^node 'it' \(Gather\): index 9 is out of bounds"),
        ("MatMul", ["x", "x"], r"^node 'it' \(MatMul\): matmul: "),
        ("Add", ["x", "w"], r"^node 'it' \(Add\): operands could not be broadcast"),
    ],
)
def test_errors_name_the_node(operator: str, inputs: list[str], message: str) -> None:
    constants = {"w": np.zeros((3, 5), np.float32), "ids": np.array([9])}
    loaded = load(model([node(operator, inputs, ["y"], name="it")], [X], constants))
    with pytest.raises(ValueError, match=message):
        loaded(np.zeros((3, 2), np.float32))


def test_infinities_and_nan_come_out_without_a_warning() -> None:
    nodes = [node("Log", ["x"], ["logs"]), node("Div", ["x", "x"], ["ratios"]), node("Sum", ["logs", "ratios"], ["y"])]
    loaded = load(model(nodes, [X]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = loaded(np.array([[0, 1], [-1, np.inf]], np.float32))
    np.testing.assert_array_equal(y, [[np.nan, 1], [np.nan, np.nan]])


def test_values_of_any_shape() -> None:
    """Exporters leave shapes out where they do not know the number of axes."""
    proto = model([node("Neg", ["x"], ["y"])], [info("x", FLOAT, None)])
    before, loaded = proto.SerializeToString(), load(proto)
    assert proto.SerializeToString() == before
    assert [value.shape for value in (*loaded.inputs, *loaded.outputs)] == [None, None]
    for shape in ((), (2, 3)):
        np.testing.assert_array_equal(loaded(np.ones(shape, np.float32)), -np.ones(shape))


def test_inputs_that_are_no_mapping() -> None:
    with pytest.raises(TypeError, match="inputs: expected a mapping from names to arrays, got list"):
        load(model([node("Relu", ["x"], ["y"])], [X])).run([np.zeros((1, 2), np.float32)])


def branch(operator: str) -> Any:
    """Of x, which lies around it."""
    return helper.make_graph([node(operator, ["x"], ["of_x"])], operator, [], [info("of_x", FLOAT, ["n", 2])])


def test_a_branch_sees_what_is_around_it() -> None:
    nodes = [node("If", ["condition"], ["y"], then_branch=branch("Neg"), else_branch=branch("Exp"))]
    loaded = load(model(nodes, [X, info("condition", BOOL, [])]))
    x = np.array([[1, 2]], np.float32)
    np.testing.assert_array_equal(loaded(x, np.array(True)), -x)
    np.testing.assert_array_equal(loaded(x, np.array(False)), np.exp(x))


def test_operators_inside_of_nodes_are_checked() -> None:
    nodes = [node("If", ["condition"], ["y"], then_branch=branch("Neg"), else_branch=branch("Cosh"))]
    with pytest.raises(ValueError, match=r"got others: Cosh \('of_x'\)$"):
        load(model(nodes, [X, info("condition", BOOL, [])]))


def recurrence_as_a_loop(limit: bool) -> Any:
    """x (T, B, 2), h0 (B, 3) to y (T, B, 3), as exporters write a recurrence: weights, and x, lie around the loop."""
    body = helper.make_graph(
        [
            node("Gather", ["x", "t"], ["x_t"]),
            node("MatMul", ["x_t", "w"], ["from_x"]),
            node("MatMul", ["h", "r"], ["from_h"]),
            node("Add", ["from_x", "from_h"], ["a"]),
            node("Tanh", ["a"], ["next"]),
            node("Identity", ["next"], ["output"]),
            node("Add", ["t", "one"], ["following"]),
            node("Less", ["following", "steps"], ["go_on"]),
        ],
        "step",
        [info("t", INT64, []), info("condition", BOOL, []), info("h", FLOAT, ["batch", 3])],
        [info("go_on", BOOL, []), info("next", FLOAT, ["batch", 3]), info("output", FLOAT, ["batch", 3])],
    )
    rng = np.random.default_rng(0)
    constants = {"w": rng.standard_normal((2, 3)), "r": rng.standard_normal((3, 3)), "h0": np.zeros((1, 3))}
    constants = {name: array.astype(np.float32) for name, array in constants.items()}
    nodes = [
        node("Shape", ["x"], ["sizes"], start=0, end=1),
        node("Squeeze", ["sizes"], ["steps"]),
        node("Greater", ["steps", "zero"], ["any"]),
        node("Loop", ["steps" if limit else "", "any", "h0"], ["h_n", "y"], body=body, name="loop"),
    ]
    constants |= {"one": np.array(1), "zero": np.array(0)}
    return model(nodes, [info("x", FLOAT, ["time", "batch", 2])], constants), constants


@pytest.mark.parametrize("limit", [True, False])
def test_a_recurrence_as_a_loop(limit: bool) -> None:
    proto, weights = recurrence_as_a_loop(limit)
    loaded, x = load(proto), np.random.default_rng(1).standard_normal((5, 4, 2)).astype(np.float32)
    expected, _ = rnnfast.rnn_forward(x, weights["w"].T.copy(), weights["r"].T.copy(), np.zeros(3, np.float32))
    np.testing.assert_allclose(loaded(x), expected, rtol=1e-5, atol=1e-6)
    assert loaded(x[:0]).shape == (0, 0, 3)
    with pytest.raises(ValueError, match=r"^node 'loop' \(Loop\): node 'from_x' \(MatMul\): matmul"):
        load(model([*proto.graph.node], [info("x", FLOAT, None)], weights | {"w": np.zeros((3, 3), np.float32)}))(x)
