"""Loading a model and calling it; what it says where something does not fit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra: onnx)")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402  # onnx is there

import rnnfast.onnx  # noqa: E402
from rnnfast.onnx import Value, load  # noqa: E402
from rnnfast.onnx.operators import OPERATORS  # noqa: E402

CHECKOUT = Path(__file__).resolve().parents[3]

A, B = np.array([[1, 2, 3]], np.float32), np.array([[10, 20, 30]], np.float32)


def model(nodes: list[Any], initializers: dict[str, np.ndarray] | None = None, **options: Any) -> Any:
    """Inputs a (n, 3) and b (?, 3) of float32, output y."""
    constants = [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()]
    inputs = [
        helper.make_tensor_value_info("a", TensorProto.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("b", TensorProto.FLOAT, [None, 3]),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "g", inputs, [output], constants)
    return helper.make_model(graph, **{"opset_imports": [helper.make_opsetid("", 14)], "ir_version": 8, **options})


SUBTRACT = [helper.make_node("Sub", ["a", "b"], ["y"])]


def test_inputs_by_place_and_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(model(SUBTRACT), path)
    for loaded in (load(path), load(str(path)), load(model(SUBTRACT))):
        float32 = np.dtype("float32")
        assert loaded.inputs == (Value("a", float32, ("n", 3)), Value("b", float32, (None, 3)))
        assert loaded.outputs == (Value("y", float32, ("n", 3)),)
        for y in (loaded(A, B), loaded(A, b=B), loaded(b=B, a=A), loaded.run({"b": B, "a": A})["y"]):
            np.testing.assert_array_equal(y, A - B)


def test_several_outputs_are_a_tuple() -> None:
    proto = model([helper.make_node("Split", ["a"], ["y", "z"], axis=1)], opset_imports=[helper.make_opsetid("", 11)])
    proto.graph.node[0].attribute.append(helper.make_attribute("split", [1, 2]))
    proto.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1
    proto.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, ["n", 2]))
    y, z = load(proto)(A, B)
    np.testing.assert_array_equal(y, A[:, :1])
    np.testing.assert_array_equal(z, A[:, 1:])
    assert list(load(proto).run({"a": A, "b": B})) == ["y", "z"]


def test_constants_that_are_listed_as_inputs() -> None:
    """As files of before IR version 4 have them."""
    loaded = load(model(SUBTRACT, {"b": B}, ir_version=3))
    assert [value.name for value in loaded.inputs] == ["a"]
    np.testing.assert_array_equal(loaded(A), A - B)


def test_functions_of_the_model() -> None:
    opsets = [helper.make_opsetid("", 14)]
    twice = helper.make_function(
        "mine", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], opset_imports=opsets
    )
    nodes = [helper.make_node("Sub", ["a", "b"], ["c"]), helper.make_node("Twice", ["c"], ["y"], domain="mine")]
    proto = model(nodes, functions=[twice], opset_imports=[*opsets, helper.make_opsetid("mine", 1)])
    np.testing.assert_array_equal(load(proto)(A, B), 2 * (A - B))


def test_operators_that_are_missing_are_all_named() -> None:
    nodes = [
        helper.make_node("Sinh", ["a"], ["c"]),
        helper.make_node("Sub", ["c", "b"], ["d"]),
        helper.make_node("Relu", ["d"], ["e"], domain="theirs"),
        helper.make_node("Sinh", ["e"], ["f"]),
        helper.make_node("Cosh", ["f"], ["y"], name="last"),
    ]
    opsets = [helper.make_opsetid("", 14), helper.make_opsetid("theirs", 1)]
    with pytest.raises(ValueError, match=r"got others: Cosh \('last'\), Sinh \('c', 'f'\), theirs\.Relu \('e'\)$"):
        load(model(nodes, opset_imports=opsets))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: m(A), ValueError, r"inputs: expected \['a', 'b'\], got \['a'\]"),
        (lambda m: m(A, B, A), ValueError, "inputs: expected at most 2, got 3"),
        (lambda m: m(A, a=B, b=B), ValueError, r"inputs: expected each once, got \['a'\] both"),
        (lambda m: m(A, B, c=A), ValueError, r"inputs: expected \['a', 'b'\], got \['a', 'b', 'c'\]"),
        (lambda m: m(A.astype("float64"), B), TypeError, "a: expected dtype float32, got float64"),
        (lambda m: m(A, B[:, :2]), ValueError, r"b: expected shape \(None, 3\), got \(1, 2\)"),
        (lambda m: m(A[0], B), ValueError, r"a: expected shape \('n', 3\), got \(3,\)"),
    ],
)
def test_bad_inputs(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(load(model(SUBTRACT)))


def test_bad_sources(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"source: expected a path or an onnx\.ModelProto, got bytes"):
        load(b"...")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.onnx")
    path = tmp_path / "text.onnx"
    path.write_text("no model")
    with pytest.raises(ValueError, match=r"source: expected an ONNX file, got .*text\.onnx"):
        load(path)
    with pytest.raises(ValueError, match="source: expected a valid ONNX model, got one in which: "):
        load(model([helper.make_node("Sub", ["a", "nowhere"], ["y"])]))
    proto = model([helper.make_node("Identity", ["b"], ["y"])])
    proto.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info("a", TensorProto.FLOAT, None))
    with pytest.raises(ValueError, match="a: expected a tensor, got sequence_type"):
        load(proto)
    with pytest.raises(ValueError, match=r"node 'c' \(Cast\): element type: expected one of FLOAT, .*, got STRING"):
        load(model([helper.make_node("Cast", ["a"], ["y"], name="c", to=TensorProto.STRING)]))


def test_without_onnx(run_python) -> None:
    code = "import sys; sys.modules['onnx'] = None; import rnnfast; import rnnfast.onnx"
    result = run_python("-c", code)
    assert result.returncode != 0
    assert result.stderr.rstrip().endswith("rnnfast.onnx needs onnx: pip install 'rnnfast[onnx]'")


def test_rnnfast_alone_does_not_import_it(run_python) -> None:
    code = "import sys, rnnfast; print({'onnx', 'sklearn'} & sys.modules.keys())"
    assert run_python("-c", code).stdout == "set()\n"
    assert rnnfast.onnx.__name__ == "rnnfast.onnx"


def test_example(run_python, tmp_path: Path) -> None:
    result = run_python(str(CHECKOUT / "examples" / "onnx_model.py"))
    assert (result.returncode, result.stderr) == (0, "")
    differences = re.findall(r"^largest difference.*: (\S+)$", result.stdout, re.MULTILINE)
    assert differences
    assert max(map(float, differences)) < 1e-5
    assert (tmp_path / "model.onnx").is_file()


def test_operators_in_the_documentation() -> None:
    text = (CHECKOUT / "docs" / "onnx.md").read_text()
    listed = re.search(r"^`RNN`, and `(.*?)`", text, re.MULTILINE | re.DOTALL)
    assert listed
    assert sorted(["RNN", *listed[1].split()]) == sorted(OPERATORS)
