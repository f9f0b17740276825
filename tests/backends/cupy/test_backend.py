"""The `cupy` backend behind the front door: arrays that it takes and refuses, streams, and what it says of itself."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import emulated_cupy as stand_in
import numpy as np
import pytest
from gpu_problems import by_name, random_arguments

import rnnfast
from rnnfast import cli
from rnnfast.backends import REGISTRY, gpu_chips
from rnnfast.backends.gpu_device import Device
from rnnfast.problem import Problem

PROBLEM = Problem(3, 4, 5, 6)


def on_gpu(cupy: ModuleType, *names: str) -> dict[str, Any]:
    arguments = random_arguments(PROBLEM, 0, *names)
    return {name: cupy.asarray(value) for name, value in arguments.items() if value is not None}


@pytest.fixture
def arrays(cupy: ModuleType) -> dict[str, Any]:
    """Of rnn_forward."""
    return on_gpu(cupy)


class Exported:
    """An array of which only DLPack is known."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


def test_auto_takes_arrays_on_the_gpu_there(cupy: ModuleType, arrays: dict[str, Any]) -> None:
    y, h_n = rnnfast.rnn_forward(**arrays)
    grads = rnnfast.rnn_backward(None, arrays["x"], y, arrays["w_ih"], arrays["w_hh"], dh_n=h_n)
    assert all(isinstance(array, cupy.ndarray) for array in (y, h_n, *by_name(grads).values()))


def test_arrays_that_speak_dlpack(arrays: dict[str, Any]) -> None:
    right, _ = rnnfast.rnn_forward(**arrays)
    y, _ = rnnfast.rnn_forward(**{name: Exported(array) for name, array in arrays.items()}, backend="cupy")
    np.testing.assert_array_equal(y.get(), right.get())


def test_out_is_written_to(cupy: ModuleType, arrays: dict[str, Any]) -> None:
    out = cupy.zeros((3, 4, 6), np.float32)
    y, _ = rnnfast.rnn_forward(**arrays, out=out)
    assert y is out
    np.testing.assert_array_equal(out.get(), rnnfast.rnn_forward(**arrays)[0].get())


def test_inputs_are_left_as_they_are(cupy: ModuleType) -> None:
    arrays = on_gpu(cupy, "h0", "dy", "dh_n", "mask")
    before = {name: array.get() for name, array in arrays.items()}
    dy, dh_n = arrays.pop("dy"), arrays.pop("dh_n")
    y, _ = rnnfast.rnn_forward(**arrays)
    arrays.pop("b")
    rnnfast.rnn_backward(dy, arrays.pop("x"), y, arrays.pop("w_ih"), arrays.pop("w_hh"), dh_n=dh_n, **arrays)
    for name, array in on_gpu(cupy, "h0", "dy", "dh_n", "mask").items():
        np.testing.assert_array_equal(array.get(), before[name])


@pytest.mark.parametrize("where", ["CPU", "GPU"])
def test_lengths_may_lie_on_either_side(where: str, cupy: ModuleType, arrays: dict[str, Any]) -> None:
    lengths = np.array([0, 3, 1, 2])
    y, _ = rnnfast.rnn_forward(**arrays, lengths=lengths if where == "CPU" else cupy.asarray(lengths))
    np.testing.assert_array_equal((y.get() != 0).any(axis=2), np.arange(3)[:, None] < lengths)


def test_lengths_on_the_gpu_count_as_cut(cupy: ModuleType, arrays: dict[str, Any]) -> None:
    cut, beyond = (
        rnnfast.rnn_forward(**arrays, lengths=cupy.asarray(np.array(values)))[0].get()
        for values in ([0, 3, 1, 2], [-5, 7, 1, 2])
    )
    np.testing.assert_array_equal(beyond, cut)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"x": np.zeros((3, 4, 5), np.float32)}, TypeError, "x: expected an array on the GPU .*got a NumPy array"),
        ({"b": np.zeros(6, np.float32)}, TypeError, "b: expected an array on the GPU .*got a NumPy array"),
        ({"b": [0.0] * 6}, TypeError, "b: expected an array on the GPU .*got <class 'list'>"),
        ({"b": Exported(np.zeros(6, np.float32))}, TypeError, "b: expected an array on the GPU, got Exported"),
        ({"lengths": np.array([0, 4, 1, 1])}, ValueError, r"lengths: expected values in 0..3, got values in 0..4"),
        ({"lengths": np.array([0, 4])}, ValueError, r"lengths: expected shape \(batch,\) = \(4,\), got \(2,\)"),
        ({"variant": "tiles"}, ValueError, "variant: expected one of auto, stepwise, block, persistent, got 'tiles'"),
    ],
)
def test_bad_input(changed: dict[str, Any], error: type[Exception], message: str, arrays: dict[str, Any]) -> None:
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.rnn_forward(**{**arrays, "backend": "cupy", **changed})


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "message"),
    [
        ("b", (7,), np.float32, r"b: expected shape \(hidden_size,\) = \(6,\), got \(7,\)"),
        ("b", (6,), np.float64, "b: expected dtype float32, got float64"),
        ("mask", (3, 4), np.float32, "mask: expected dtype bool, got float32"),
        ("lengths", (4,), np.float32, "lengths: expected an integer dtype, got float32"),
        ("lengths", (3,), np.int32, r"lengths: expected shape \(batch,\) = \(4,\), got \(3,\)"),
    ],
)
def test_bad_arrays_on_the_gpu(
    name: str, shape: tuple[int, ...], dtype: type, message: str, cupy: ModuleType, arrays: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        rnnfast.rnn_forward(**{**arrays, name: cupy.zeros(shape, dtype)})


def test_an_output_over_an_input_is_refused(cupy: ModuleType) -> None:
    problem = random_arguments(Problem(3, 4, 6, 6), 0)
    arrays = {name: cupy.asarray(value) for name, value in problem.items() if value is not None}
    with pytest.raises(ValueError, match=r"^out: expected memory of its own, got an array that overlaps x"):
        rnnfast.rnn_forward(**arrays, out=arrays["x"])


def test_an_array_on_another_device_is_refused(emulated_cupy: ModuleType) -> None:
    arrays = on_gpu(emulated_cupy)
    arrays["w_hh"].device = SimpleNamespace(id=1)
    with pytest.raises(ValueError, match=r"^w_hh: expected an array on the current device, 0, got one on device 1"):
        rnnfast.rnn_forward(**arrays)


def test_arrays_on_the_gpu_are_refused_by_cpu(arrays: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"^x: expected an array on the CPU"):
        rnnfast.rnn_forward(**arrays, backend="cpu")


@pytest.mark.parametrize("variant", ["stepwise", "block", "persistent"])
def test_nothing_waits_and_everything_is_on_the_current_stream(
    variant: str, emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = on_gpu(emulated_cupy, "dy", "mask")
    dy, mask = arrays.pop("dy"), arrays.pop("mask")

    def waits(self: object) -> None:
        raise AssertionError("waits for the GPU")

    def elsewhere(self: object, operation: object) -> None:
        raise AssertionError("not on the current stream")

    default, stream = stand_in.Stream.current, stand_in.Stream(7)
    monkeypatch.setattr(stand_in.ndarray, "get", waits)
    monkeypatch.setattr(default, "submit", elsewhere, raising=False)
    options: dict[str, Any] = {"mask": mask, "backend": "cupy", "variant": variant}
    with stream:
        y, _ = rnnfast.rnn_forward(**arrays, **options)
        rnnfast.rnn_backward(dy, arrays["x"], y, arrays["w_ih"], arrays["w_hh"], **options)


def test_the_plan_explains_itself(cupy: ModuleType) -> None:
    sizes = {"seq_len": 9, "batch": 4, "input_size": 3, "hidden_size": 40, "backend": "cupy"}
    for variant in ("stepwise", "block", "persistent"):
        text = rnnfast.plan(**sizes, variant=variant).explain()
        assert text.startswith(f"cupy/{variant} on ")
        assert "products in float32" in text
        assert rnnfast.plan(**sizes, variant=variant).variant == variant
    assert rnnfast.plan(**{**sizes, "dtype": "float64"}).variant == "stepwise"


@pytest.mark.parametrize("changed", [{"heads": 2}, {"layer_norm": True}, {"zoneout": True}], ids=str)
def test_what_it_does_not_take_yet(changed: dict[str, Any], cupy: ModuleType) -> None:
    sizes = {"seq_len": 9, "batch": 4, "input_size": 3, "hidden_size": 4, "backend": "cupy"}
    with pytest.raises(ValueError, match=r"^backend: 'cupy' takes one head and a plain cell so far"):
        rnnfast.plan(**{**sizes, **changed})


def test_recurrent_weights_of_one_head(cupy: ModuleType, arrays: dict[str, Any]) -> None:
    y, _ = rnnfast.rnn_forward(**arrays)
    as_blocks = arrays["w_hh"].reshape(1, 6, 6)
    again, _ = rnnfast.rnn_forward(**{**arrays, "w_hh": as_blocks})
    np.testing.assert_array_equal(again.get(), y.get())
    assert rnnfast.rnn_backward(y, arrays["x"], y, arrays["w_ih"], as_blocks).dw_hh.shape == (1, 6, 6)


def test_checkpointed_passes_are_refused(arrays: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="'cupy' has no checkpointed passes yet"):
        _ = rnnfast.plan(seq_len=9, batch=4, input_size=3, hidden_size=4, backend="cupy").window_steps


def broken(error: Exception) -> ModuleType:
    """A CuPy with a driver that fails."""

    def count() -> int:
        raise error

    module = ModuleType("cupy")
    module.__dict__["cuda"] = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=count))
    return module


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (None, "CuPy is not installed: pip install cupy-cuda12x or cupy-cuda13x"),
        (broken(RuntimeError("cudaErrorInsufficientDriver: too old\nmore")), "CUDA finds no GPU .*too old.*driver"),
    ],
    ids=["no CuPy", "no driver"],
)
def test_why_it_cannot_run(module: ModuleType | None, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", module)
    stated = dict(rnnfast.backends())["cupy"]
    assert stated is not None
    with pytest.raises(RuntimeError, match=f"^backend: 'cupy' cannot run here: {reason}"):
        rnnfast.plan(seq_len=9, batch=4, input_size=3, hidden_size=4, backend="cupy")
    with pytest.raises(RuntimeError, match=f"^backend: 'cupy' cannot run here: {reason}"):
        rnnfast.rnn_forward(*(np.zeros((1, 1, 1), np.float32)[0] for _ in range(4)), backend="cupy")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CuPy failed to load libnvrtc.so.12: OSError: no such file\n\nmore"),
        ImportError("libnvrtc.so.12: cannot open shared object file"),
        ValueError("nvrtc: error: invalid value for --gpu-architecture"),
    ],
    ids=["no NVRTC", "no library", "a new architecture"],
)
def test_a_cupy_that_cannot_compile(
    error: Exception, emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**options: Any) -> None:
        raise error

    monkeypatch.setattr(emulated_cupy, "RawModule", refuse)
    said = str(error).splitlines()[0]
    message = rf"^backend: 'cupy' cannot compile block_forward<.*> \({re.escape(said)}\)\. .*nvidia-cuda-nvrtc-cu12"
    with pytest.raises(RuntimeError, match=message):
        rnnfast.rnn_forward(**on_gpu(emulated_cupy), variant="block")


def test_a_chip_that_is_too_small(emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(gpu_chips.find("t4"), name="small")
    monkeypatch.setattr(Device, "from_cupy", classmethod(lambda *_: small))
    sizes = {"seq_len": 9, "batch": 4, "input_size": 3, "backend": "cupy"}
    for variant, hidden_size, lacking in (("block", 256, "shared memory: 65536 bytes"), ("persistent", 3000, "small")):
        with pytest.raises(ValueError, match=f"^variant: '{variant}' takes .*{lacking}"):
            rnnfast.plan(**sizes, hidden_size=hidden_size, variant=variant)
        assert rnnfast.plan(**sizes, hidden_size=hidden_size).variant != variant


def test_a_broken_cupy_hides_nothing_else(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cupy.py").write_text("raise OSError('libcuda.so: bad magic')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    stated = dict(rnnfast.backends())
    assert stated["cupy"] == "CuPy cannot be imported (libcuda.so: bad magic)"
    assert stated["cpu"] is None
    assert cli.main(["info"]) == 0
    assert "CuPy cannot be imported (libcuda.so: bad magic)" in capsys.readouterr().out


def test_the_variants_are_listed_without_a_gpu() -> None:
    assert [variant.name for variant in REGISTRY["cupy"].variants()] == ["stepwise", "block", "persistent"]
