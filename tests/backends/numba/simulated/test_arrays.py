"""The `numba` backend behind the front door: arrays that it takes and refuses, and what it says of itself."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gpu_problems import by_name, on_host, random_arguments
from numba import cuda

import rnnfast
from rnnfast.problem import Problem

PROBLEM = Problem(3, 4, 2, 6)
SIZES = {"seq_len": 3, "batch": 4, "input_size": 2, "hidden_size": 6, "backend": "numba"}


@pytest.fixture
def arrays(numba: ModuleType) -> dict[str, Any]:
    """Of rnn_forward, as NumPy has them."""
    return {name: value for name, value in random_arguments(PROBLEM, 0).items() if value is not None}


@pytest.fixture
def there(arrays: dict[str, Any], numba: ModuleType) -> dict[str, Any]:
    """Of rnn_forward, on the device."""
    return {name: numba.asarray(value) for name, value in arrays.items()}


class Exported:
    """An array of which only __cuda_array_interface__ and the device are known."""

    def __init__(self, array: Any, device: int = 0) -> None:
        self.array, self.device = array, device
        self.__cuda_array_interface__: dict[str, Any] = {}

    def __dlpack__(self, **options: Any) -> Any:
        raise AssertionError("is not asked for")

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Numba's way in for others' arrays, which the simulator has not, and what happens to streams."""
    happened: list[str] = []

    def as_cuda_array(value: Exported, sync: bool) -> Any:
        if not hasattr(value, "__cuda_array_interface__"):
            raise TypeError("*obj* doesn't implement the cuda array interface.")
        happened.append(f"taken, sync={sync}")
        return value.array.bind(stream=7)

    event = SimpleNamespace(
        record=lambda stream: happened.append(f"record on {stream}"),
        wait=lambda stream=0: happened.append(f"{stream} waits"),
    )
    monkeypatch.setattr(cuda, "as_cuda_array", as_cuda_array, raising=False)
    monkeypatch.setattr(cuda, "event", lambda timing: event)
    return happened


def test_auto_takes_arrays_on_the_device_there(there: dict[str, Any]) -> None:
    y, h_n = rnnfast.rnn_forward(**there)
    grads = rnnfast.rnn_backward(None, there["x"], y, there["w_ih"], there["w_hh"], dh_n=h_n)
    assert all(array.__cuda_ndarray__ for array in (y, h_n, *by_name(grads).values()))


def test_arrays_of_numpy_are_copied_there(arrays: dict[str, Any], there: dict[str, Any]) -> None:
    right, _ = rnnfast.rnn_forward(**there)
    arrays["x"] = np.asfortranarray(arrays["x"])  # in any order of memory
    y, h_n = rnnfast.rnn_forward(**arrays, backend="numba")
    assert y.__cuda_ndarray__
    assert h_n.__cuda_ndarray__
    np.testing.assert_array_equal(on_host(y), on_host(right))


def test_strided_arrays_on_the_device(arrays: dict[str, Any], there: dict[str, Any]) -> None:
    batch_first = cuda.to_device(np.ascontiguousarray(arrays["x"].transpose(1, 0, 2)))
    if hasattr(batch_first, "_ary"):  # Numba's own arrays cannot be turned on a GPU; others' come so
        there["x"] = type(batch_first)(batch_first._ary.transpose(1, 0, 2))
        assert not there["x"].is_c_contiguous()
    y, _ = rnnfast.rnn_forward(**there)
    np.testing.assert_array_equal(on_host(y), on_host(rnnfast.rnn_forward(**arrays, backend="numba")[0]))


def test_another_stream_is_waited_for_on_the_device_alone(there: dict[str, Any], events: list[str]) -> None:
    right, _ = rnnfast.rnn_forward(**there)
    y, _ = rnnfast.rnn_forward(**{**there, "b": Exported(there["b"])}, backend="numba")
    assert events == ["taken, sync=False", "record on 7", "0 waits"]
    np.testing.assert_array_equal(on_host(y), on_host(right))


def test_auto_takes_others_arrays_there(there: dict[str, Any], events: list[str]) -> None:
    y, _ = rnnfast.rnn_forward(**{**there, "x": Exported(there["x"])})
    assert y.__cuda_ndarray__


def test_an_array_on_another_device_is_refused(there: dict[str, Any], events: list[str]) -> None:
    there["w_hh"] = Exported(there["w_hh"], device=1)
    with pytest.raises(ValueError, match=r"^w_hh: expected an array on the current device, 0, got one on device 1"):
        rnnfast.rnn_forward(**there)


@pytest.mark.parametrize("value", [[0.0] * 6, SimpleNamespace(shape=(6,))], ids=["list", "object"])
def test_what_has_no_interface_is_refused(value: Any, there: dict[str, Any], events: list[str]) -> None:
    message = rf"^b: expected an array on the GPU .*or NumPy's, got {type(value).__name__} \(.*cuda array interface"
    with pytest.raises(TypeError, match=message):
        rnnfast.rnn_forward(**{**there, "b": value})


def test_out_is_written_to(there: dict[str, Any]) -> None:
    out = cuda.to_device(np.zeros((3, 4, 6), np.float32))
    y, _ = rnnfast.rnn_forward(**there, out=out)
    assert y is out
    np.testing.assert_array_equal(on_host(out), on_host(rnnfast.rnn_forward(**there)[0]))


def test_inputs_are_left_as_they_are(numba: ModuleType) -> None:
    before = random_arguments(PROBLEM, 0, "h0", "dy", "dh_n", "mask")
    before = {name: value for name, value in before.items() if value is not None}
    for variant in ("stepwise", "block"):
        arrays = {name: numba.asarray(value) for name, value in before.items()}
        x, w_ih, w_hh, b, dy, dh_n = (arrays[name] for name in ("x", "w_ih", "w_hh", "b", "dy", "dh_n"))
        options = {"h0": arrays["h0"], "mask": arrays["mask"], "variant": variant, "backend": "numba"}
        y, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b, **options)
        rnnfast.rnn_backward(dy, x, y, w_ih, w_hh, dh_n=dh_n, **options)
        for name, array in arrays.items():
            np.testing.assert_array_equal(on_host(array), before[name], err_msg=name)


@pytest.mark.parametrize("where", ["CPU", "GPU"])
def test_lengths_may_lie_on_either_side(where: str, there: dict[str, Any]) -> None:
    lengths = np.array([0, 3, 1, 2])
    y, _ = rnnfast.rnn_forward(**there, lengths=lengths if where == "CPU" else cuda.to_device(lengths))
    np.testing.assert_array_equal((on_host(y) != 0).any(axis=2), np.arange(3)[:, None] < lengths)


def test_lengths_on_the_device_count_as_cut(there: dict[str, Any]) -> None:
    cut, beyond = (
        on_host(rnnfast.rnn_forward(**there, lengths=cuda.to_device(np.array(values)))[0])
        for values in ([0, 3, 1, 2], [-5, 7, 1, 2])
    )
    np.testing.assert_array_equal(beyond, cut)


BAD_LENGTHS = ({"lengths": np.zeros(4)}, TypeError, "lengths: expected an integer dtype, got float64")
BAD = [
    ({"b": np.zeros(7, np.float32)}, ValueError, r"b: expected shape \(hidden_size,\) = \(6,\), got \(7,\)"),
    ({"b": np.zeros(6, np.float64)}, TypeError, "b: expected dtype float32, got float64"),
    ({"mask": np.zeros((3, 4), np.float32)}, TypeError, "mask: expected dtype bool, got float32"),
    ({"lengths": np.array([0, 4, 1, 1])}, ValueError, r"lengths: expected values in 0..3, got values in 0..4"),
    BAD_LENGTHS,
    ({"out": np.zeros((3, 4, 6), np.float32)}, TypeError, "out: expected an array on the GPU, .*got NumPy's"),
    ({"variant": "tiles"}, ValueError, "variant: expected one of auto, stepwise, block, got 'tiles'"),
    ({"activation": "gelu"}, ValueError, "activation: expected one of tanh, .*got 'gelu'"),
    ({"recurrent_mask": np.ones((4, 6), np.float32)}, ValueError, "recurrent_dropout: backend 'numba' takes"),
]
# But for those that are right on the device.
BAD_THERE = [case for case in BAD if next(iter(case[0])) in ("b", "mask") or case is BAD_LENGTHS]


@pytest.mark.parametrize(("changed", "error", "message"), BAD)
def test_bad_input(changed: dict[str, Any], error: type[Exception], message: str, there: dict[str, Any]) -> None:
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.rnn_forward(**{**there, "backend": "numba", **changed})


@pytest.mark.parametrize(("changed", "error", "message"), BAD_THERE)
def test_bad_arrays_on_the_device(
    changed: dict[str, Any], error: type[Exception], message: str, there: dict[str, Any]
) -> None:
    on_device = {name: cuda.to_device(value) for name, value in changed.items()}
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.rnn_forward(**{**there, **on_device})


def test_an_output_over_an_input_is_refused(numba: ModuleType) -> None:
    problem = random_arguments(Problem(3, 4, 6, 6), 0)
    arrays = {name: numba.asarray(value) for name, value in problem.items() if value is not None}
    with pytest.raises(ValueError, match=r"^out: expected memory of its own, got an array that overlaps x"):
        rnnfast.rnn_forward(**arrays, out=arrays["x"])


def test_the_plan_explains_itself(numba: ModuleType) -> None:
    for variant in ("stepwise", "block"):
        plan = rnnfast.plan(**SIZES, variant=variant)
        assert plan.variant == variant
        assert plan.explain().startswith(f"numba/{variant} on ")
        assert plan.explain().endswith("products in float32")
    assert rnnfast.plan(**SIZES).variant == "block"
    assert rnnfast.plan(**{**SIZES, "hidden_size": 513}).variant == "stepwise"
    with pytest.raises(ValueError, match=r"^variant: 'block' takes hidden_size up to 512; got Problem"):
        rnnfast.plan(**{**SIZES, "hidden_size": 513}, variant="block")


@pytest.mark.parametrize(
    ("option", "value"), [("heads", 2), ("layer_norm", True), ("zoneout", True), ("dtype", "bfloat16")]
)
def test_what_it_does_not_take(option: str, value: Any, numba: ModuleType) -> None:
    message = rf"^{option}: backend 'numba' takes float32 and float64, one head and a plain cell, got {value}"
    with pytest.raises(ValueError, match=message):
        rnnfast.plan(**{**SIZES, option: value})


def test_recurrent_weights_of_one_head(there: dict[str, Any]) -> None:
    y, _ = rnnfast.rnn_forward(**there)
    as_blocks = there["w_hh"].reshape(1, 6, 6)
    again, _ = rnnfast.rnn_forward(**{**there, "w_hh": as_blocks})
    np.testing.assert_array_equal(on_host(again), on_host(y))
    assert rnnfast.rnn_backward(y, there["x"], y, there["w_ih"], as_blocks).dw_hh.shape == (1, 6, 6)


def test_checkpointed_passes_are_refused(numba: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="'numba' has no checkpointed passes"):
        _ = rnnfast.plan(**SIZES).window_steps
