"""Every operator against ONNX's own backend tests of nodes, through ONNX's backend interface."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")

from rnnfast.onnx.backend import RnnfastBackend  # noqa: E402  # onnx is there
from rnnfast.onnx.operators import OPERATORS  # noqa: E402

RECURRENT = {
    "test_rnn_seq_length",
    "test_simple_rnn_batchwise",
    "test_simple_rnn_defaults",
    "test_simple_rnn_with_initial_bias",
}
"""Those that onnx has had since 1.16."""

# What is not there, by a pattern of the names of the cases, and the error that says so.
REFUSED = {
    "BFLOAT16|FLOAT8|FLOAT4|INT4|INT2|STRING|string|bfloat16": "element type: expected one of",
    "identity_(sequence|opt)": "expected a tensor, got",
    r"training_dropout(_default)?(_mask)?$": "training_mode: expected False",
    "batchnorm_.*_training_mode": "training_mode: expected False",
    "test_(if|loop.*)_(seq|opt)": "got others: ",
    "reduce_(max|min)_empty_set": "zero-size array",
}

# Of operators whose cases lie in a file of another name in some versions of onnx.
OTHER_FILES = {
    "batchnormalization": "batchnorm",
    "greaterorequal": "greater_equal",
    "lessorequal": "less_equal",
    "range": "rangeop",
}


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Any]]:
    """ONNX's cases by operator; those in which ONNX has written it out in others too."""
    package = "onnx.backend.test.case.node"
    found = import_module(package)
    stems = [path.stem for path in Path(found.__file__).parent.glob("*.py")]
    files = OTHER_FILES | {stem.replace("_", ""): stem for stem in stems}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, where ONNX computes what to expect
        for operator in OPERATORS:
            import_module(f"{package}.{files[operator.lower()]}")
    by_operator, operator_of = defaultdict(list), {}
    for case in found._NodeTestCases:
        name = case.name.partition("_expanded")[0]
        if name == case.name:
            operator_of[name] = case.model.graph.node[0].op_type
        by_operator[operator_of[name]].append(case)
    return by_operator


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator(cases: dict[str, list[Any]], operator: str) -> None:
    assert cases[operator]
    for case in cases[operator]:
        refusal = next((error for names, error in REFUSED.items() if re.search(names, case.name)), None)
        if {node.op_type for node in case.model.graph.node} - OPERATORS.keys():
            refusal = "got others: |element type: expected"
        if refusal is None:
            agree(case)
            continue
        with pytest.raises(ValueError, match=refusal):
            agree(case)


def test_recurrent_cases_are_all_there(cases: dict[str, list[Any]]) -> None:
    assert {case.name for case in cases["RNN"]} >= RECURRENT


def agree(case: Any) -> None:
    """Runs a case, and compares with what ONNX says."""
    rep = RnnfastBackend.prepare(case.model)
    for inputs, outputs in case.data_sets:
        results = rep.run(list(map(array_of, inputs)))
        for result, expected in zip(results, map(array_of, outputs), strict=True):
            assert result.dtype == expected.dtype, case.name
            assert result.shape == expected.shape, case.name
            np.testing.assert_allclose(result, expected, rtol=case.rtol, atol=case.atol, err_msg=case.name)


def array_of(value: Any) -> Any:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def test_backend_interface(node_model) -> None:
    x = np.array([[-1.0, 2.0]], np.float32)
    model = node_model("Relu", {"x": x}, {"y": (np.float32, 2)})
    assert RnnfastBackend.supports_device("CPU")
    assert not RnnfastBackend.supports_device("CUDA")
    assert RnnfastBackend.is_compatible(model)
    assert not RnnfastBackend.is_compatible(model, "CUDA")
    assert not RnnfastBackend.is_compatible(node_model("Sinh", {"x": x}, {"y": (np.float32, 2)}))
    np.testing.assert_array_equal(RnnfastBackend.run_model(model, [x])[0], [[0, 2]])
    with pytest.raises(ValueError, match="device: expected 'CPU', got 'CUDA'"):
        RnnfastBackend.prepare(model, "CUDA")


def test_broadcast_before_opset_7(node_model) -> None:
    """b goes along the axes of a from `axis` on, as its attributes say."""
    a, b = np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.array([10, 20, 30], np.float32)
    model = node_model("Add", {"a": a, "b": b}, {"y": (np.float32, 3)}, opset=6, axis=1, broadcast=1)
    np.testing.assert_array_equal(RnnfastBackend.run_model(model, [a, b])[0], a + b[:, None])


def test_softmax_before_opset_13(node_model) -> None:
    """Over all axes from `axis` on, together."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    y = RnnfastBackend.run_model(node_model("Softmax", {"x": x}, {"y": (np.float32, 3)}, opset=11), [x])[0]
    np.testing.assert_allclose(y.sum(axis=(1, 2)), 1, rtol=1e-6)
    np.testing.assert_allclose(y / y[:, :1, :1], np.exp(x - x[:, :1, :1]), rtol=1e-5)


@pytest.mark.parametrize(
    ("operator", "attributes", "opset"),
    [
        ("ReduceSum", {"axes": [1]}, 11),
        ("Squeeze", {"axes": [1]}, 11),
        ("Unsqueeze", {"axes": [1]}, 11),
        ("Slice", {"starts": [1], "ends": [9], "axes": [2]}, 9),
        ("Clip", {"min": -0.5, "max": 0.5}, 6),
        ("Split", {"split": [1, 3], "axis": 2}, 11),
        ("TopK", {"k": 2, "axis": 2}, 1),
        ("Reshape", {"shape": [0, -1]}, 1),
    ],
)
def test_what_was_an_attribute_once(node_model, operator: str, attributes: dict[str, Any], opset: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 1, 4)).astype(np.float32)
    expected = {
        "ReduceSum": [x.sum(axis=1, keepdims=True)],
        "Squeeze": [x[:, 0]],
        "Unsqueeze": [x[:, None]],
        "Slice": [x[:, :, 1:]],
        "Clip": [np.clip(x, -0.5, 0.5)],
        "Split": [x[:, :, :1], x[:, :, 1:]],
        "TopK": [-np.sort(-x)[:, :, :2], np.argsort(-x)[:, :, :2]],
        "Reshape": [x[:, 0]],
    }[operator]
    outputs = {f"y{number}": (array.dtype, array.ndim) for number, array in enumerate(expected)}
    model = node_model(operator, {"x": x}, outputs, opset=opset, **attributes)
    for result, array in zip(RnnfastBackend.run_model(model, [x]), expected, strict=True):
        np.testing.assert_array_equal(result, array)
