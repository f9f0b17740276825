"""Phases on a GPU in `rnnfast.profile()`, on emulated kernels: their clock is the number of operations."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import emulated_cupy as stand_in
import numpy as np
import pytest
from emulated_arrays import TO_HOST
from emulated_events import MILLISECONDS, RANGES, Event
from gpu_models import made
from gpu_problems import computed, random_arguments

import rnnfast
from rnnfast.backends import gpu_phases, gpu_variants
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.problem import Problem
from rnnfast.profiler.native import OVERHEAD

SEQ_LEN = 5
PROBLEM = Problem(SEQ_LEN, 3, 4, 6)
FORWARD = ("input projection", "recurrence")
BACKWARD = ("backward recurrence", "input gradient", "weight gradients")
VARIANTS = pytest.mark.parametrize("variant", gpu_variants.VARIANTS)


@pytest.fixture(autouse=True)
def fresh(emulated_cupy: ModuleType) -> None:
    """Nothing counted yet."""
    TO_HOST.clear()
    RANGES.clear()
    Event.made = 0


def call(module: ModuleType, *given: str, variant: str = "stepwise", problem: Problem = PROBLEM) -> None:
    """Both passes."""
    arguments = {n: None if v is None else module.asarray(v) for n, v in random_arguments(problem, 0, *given).items()}
    x, w_ih, w_hh, b = (arguments[name] for name in ("x", "w_ih", "w_hh", "b"))
    shared: dict[str, Any] = {name: arguments[name] for name in ("h0", "lengths", "mask")}
    shared |= {"backend": "cupy", "variant": variant}
    y, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b, **shared)
    rnnfast.rnn_backward(arguments["dy"], x, y, w_ih, w_hh, **shared)


@VARIANTS
def test_every_phase_once_a_pass(variant: str, emulated_cupy: ModuleType) -> None:
    with rnnfast.profile() as found:
        for _ in range(3):
            call(emulated_cupy, "dy", variant=variant)
    assert {row.name: row.calls for row in found.gpu} == {
        **dict.fromkeys((*FORWARD, *BACKWARD), 3),
        OVERHEAD: 2 * 3,
    }
    assert {row.where for row in found.gpu} == {"gpu"}
    assert all(row.seconds > 0 for row in found.gpu)


def test_masks_are_a_phase_of_their_own(emulated_cupy: ModuleType) -> None:
    """Steps are numbered on both ways; x is cleared and states are held for the gradients."""
    with rnnfast.profile() as found:
        call(emulated_cupy, "dy", "mask")
    (masks,) = (row for row in found.gpu if row.name == "masks")
    assert masks.calls == 4
    assert masks.seconds == pytest.approx(4 * MILLISECONDS / 1e3)
    assert RANGES[RANGES.index("rnnfast weight gradients") + 1] == "rnnfast masks"  # it holds the states within them


def test_times_are_those_of_the_operations(emulated_cupy: ModuleType) -> None:
    """Counted by hand, with the loop in a graph from the second call on."""
    for _ in range(3):
        with rnnfast.profile() as found:
            call(emulated_cupy, "dy", "h0")
        operations = {row.name: row.seconds * 1e3 / MILLISECONDS for row in found.gpu}
        del operations[OVERHEAD]
        assert operations == pytest.approx(
            {
                "input projection": 1,
                "recurrence": SEQ_LEN + 3,  # h0 to the exchange, arguments, the steps, h_n from it
                "backward recurrence": SEQ_LEN + 3,  # w_hh is turned, arguments, the steps and that of dh0
                "input gradient": 1,
                "weight gradients": 5,  # dw_ih, dw_hh of the steps with one before, of the first, their sum, db
            }
        )


@VARIANTS
def test_phases_add_up_to_the_passes(variant: str, emulated_cupy: ModuleType) -> None:
    with rnnfast.profile() as found:
        call(emulated_cupy, "dy", "h0", "lengths", variant=variant)
    events = found._gpu_recorder.events
    passes = [event for event in events if event.name in ("forward", "backward")]
    assert len(passes) == 2
    whole = sum(event.end - event.begin for event in passes)
    assert found.gpu_seconds == pytest.approx(whole / 1e9)
    assert sum(row.seconds for row in found.gpu) == pytest.approx(whole / 1e9)
    assert sum(event.own for event in events) == whole
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.seconds, rel=1e-6)


def test_ranges_are_nested(emulated_cupy: ModuleType) -> None:
    with rnnfast.profile():
        call(emulated_cupy, "dy", "mask")
    inside: list[tuple[str, ...]] = []
    open_ranges: list[str] = []
    for name in RANGES:
        if name:
            open_ranges.append(name.removeprefix("rnnfast "))
            inside.append(tuple(open_ranges))
        else:
            open_ranges.pop()
    assert open_ranges == []
    assert Counter(inside) == {
        ("forward",): 1,
        ("forward", "masks"): 1,
        **{("forward", name): 1 for name in FORWARD},
        ("backward",): 1,
        ("backward", "masks"): 2,
        **{("backward", name): 1 for name in BACKWARD},
        ("backward", "weight gradients", "masks"): 1,
    }


def test_ranges_end_with_an_exception(emulated_cupy: ModuleType) -> None:
    plan = rnnfast.plan(seq_len=SEQ_LEN, batch=3, input_size=4, hidden_size=6, backend="cupy")
    x, w_ih, w_hh = (emulated_cupy.asarray(random_arguments(PROBLEM, 0)[name]) for name in ("x", "w_ih", "w_hh"))
    with rnnfast.profile(), pytest.raises(ValueError, match="dy"):
        plan.backward(x, x, x, w_ih, w_hh)
    assert RANGES == ["rnnfast backward", ""]


def test_without_nvtx(emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy has a module then that says so, and nothing else."""
    monkeypatch.setattr(emulated_cupy.cuda, "nvtx", type("nvtx", (), {"available": False}))
    with rnnfast.profile() as found:
        call(emulated_cupy, "dy")
    assert len(found.gpu) == len((*FORWARD, *BACKWARD, OVERHEAD))


def test_the_gpu_is_waited_for_once(emulated_cupy: ModuleType) -> None:
    with rnnfast.profile():
        for variant in gpu_variants.VARIANTS:
            for _ in range(3):
                call(emulated_cupy, "dy", "lengths", variant=variant)
        assert TO_HOST == []
    assert TO_HOST == ["all streams of a device"]


def test_off_there_is_nothing(emulated_cupy: ModuleType) -> None:
    for variant in gpu_variants.VARIANTS:
        call(emulated_cupy, "dy", "mask", variant=variant)
    assert Event.made == 0
    assert RANGES == []
    assert gpu_phases.phase(emulated_cupy, "one") is gpu_phases.phase(emulated_cupy, "another")
    with rnnfast.profile():
        pass
    assert Event.made == 0
    assert TO_HOST == []


def test_a_long_profile_keeps_few_events(emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the GPU has passed is read without waiting for it."""
    monkeypatch.setattr(gpu_phases, "MOST_UNREAD", 10)
    monkeypatch.setattr(gpu_phases, "MOST_EVENTS", 20)
    call(emulated_cupy, "dy")
    with rnnfast.profile() as slow:
        for _ in range(6):
            call(emulated_cupy, "dy")
        assert len(slow._gpu_recorder._unread) == 6 * 7
    TO_HOST.clear()
    monkeypatch.setattr(Event, "ahead", 3)
    with rnnfast.profile() as fast:
        for _ in range(6):
            call(emulated_cupy, "dy")
        assert len(fast._gpu_recorder._unread) == 10
        assert TO_HOST == []
    assert fast.gpu == slow.gpu
    assert fast.gpu_seconds == slow.gpu_seconds
    assert (len(fast._gpu_recorder.events), fast.dropped) == (20, 22)
    assert "22 events found no room" in str(fast)


def test_results_are_the_same_to_the_bit(emulated_cupy: ModuleType) -> None:
    arguments = random_arguments(PROBLEM, 0, "dy", "h0", "mask")
    plain = computed(PROBLEM, arguments, emulated_cupy, "persistent")
    with rnnfast.profile():
        profiled = computed(PROBLEM, arguments, emulated_cupy, "persistent")
    for name, value in plain.items():
        np.testing.assert_array_equal(profiled[name], value, err_msg=name)


def test_streams_and_threads(emulated_cupy: ModuleType, tmp_path: Path) -> None:
    """Each stream is a line of the trace; a pass of another thread is not within one of this."""
    with rnnfast.profile() as found:
        call(emulated_cupy, "dy")
        with stand_in.Stream(7):
            call(emulated_cupy, "dy")
        recorder = found._gpu_recorder
        with gpu_phases.phase(emulated_cupy, "forward"):
            other = threading.Thread(target=call, args=(emulated_cupy, "dy"))
            other.start()
            other.join()
    assert {event.stream for event in recorder.events} == {0, 1}
    assert sum(event.own for event in recorder.events if event.name == "forward") > 0
    outer = recorder.events[-1]
    assert (outer.name, outer.own) == ("forward", outer.end - outer.begin)
    found.write_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    on_gpu = [event for event in events if event["pid"] == 2]
    assert {e["args"]["name"] for e in on_gpu if e["ph"] == "M"} == {"GPU 0", "stream 0", "stream 1"}
    slices = [event for event in on_gpu if event["ph"] == "X"]
    assert {event["name"] for event in slices} == {"forward", "backward", *FORWARD, *BACKWARD}
    first = min(slices, key=lambda event: event["ts"])
    assert -50 <= first["ts"] <= found.seconds * 1e6
    assert {event["name"] for event in slices if event["ts"] == first["ts"]} >= {"forward"}


def test_a_training_run(emulated_cupy: ModuleType) -> None:
    layers = [Embedding(20, 4), SimpleRNN(5), Dense(1, activation="sigmoid")]
    network = made("cupy", lambda: layers, loss="binary_crossentropy", optimizer="rmsprop", dtype="float32")
    x, y = np.arange(24 * 5).reshape(24, 5) % 20, np.arange(24) % 2
    with rnnfast.profile() as found:
        network.fit(x, y, batch_size=6, epochs=2, verbose=0)
    calls = {row.name: row.calls for row in found.gpu}
    assert calls == {**dict.fromkeys((*FORWARD, *BACKWARD), 8), OVERHEAD: 16}
    text = str(found)
    assert f"on the GPU, beside that: {found.gpu_seconds * 1e3:.3f} ms\n" in text
    assert all(f"  {row.name} " in text.split("on the GPU")[1] for row in found.gpu)
    assert {row.name for row in found.rows if row.where == "python"} >= {"optimizer", "simple_rnn forward"}
