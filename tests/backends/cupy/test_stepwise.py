"""Variant `stepwise`: graphs of its kernels, and where cuBLAS makes the products."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import emulated_cupy as stand_in
import numpy as np
import pytest
from gpu_problems import computed, random_arguments

from rnnfast.backends import REGISTRY, gpu_chips
from rnnfast.backends.gpu_graph import GraphRecurrence, step_grid
from rnnfast.backends.gpu_limits import LATENCY
from rnnfast.backends.gpu_stepwise import ProductRecurrence, Stepwise
from rnnfast.problem import Problem

PROBLEM = Problem(4, 5, 3, 18)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_graph_serves_every_call(
    reverse: bool, dtype: str, cupy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other arrays, at other addresses, with and without those that may be absent: as launched step by step."""
    problem = Problem(4, 5, 3, 18, dtype, reverse=reverse)
    given = [("h0", "dy", "dh_n", "mask"), ("dy",), ("h0", "dh_n", "lengths"), ("h0", "dy", "dh_n", "mask")]
    calls = [random_arguments(problem, seed, *names) for seed, names in enumerate(given)]
    replayed = [computed(problem, arguments, cupy, "stepwise") for arguments in calls]
    run = GraphRecurrence._run

    def without_graph(self: GraphRecurrence, *arguments: Any) -> None:
        self._loops.clear()  # every call is the first of its stream
        run(self, *arguments)

    monkeypatch.setattr(GraphRecurrence, "_run", without_graph)
    for arguments, results in zip(calls, replayed, strict=True):
        for name, value in computed(problem, arguments, cupy, "stepwise").items():
            np.testing.assert_array_equal(results[name], value, err_msg=name)


def test_the_loop_is_captured_once_for_each_stream_and_direction(
    emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[stand_in.Graph] = []
    launches: list[stand_in.Graph] = []
    monkeypatch.setattr(stand_in.Graph, "launch", lambda graph: launches.append(graph))
    end_capture = stand_in.Stream.end_capture
    monkeypatch.setattr(stand_in.Stream, "end_capture", lambda stream: graphs.append(end_capture(stream)) or graphs[-1])
    arguments = random_arguments(PROBLEM, 0, "dy")
    for _ in range(4):
        computed(PROBLEM, arguments, emulated_cupy, "stepwise")
    assert [len(graph.operations) for graph in graphs] == [PROBLEM.seq_len, PROBLEM.seq_len + 1]
    assert launches == graphs * 3
    with stand_in.Stream(7):
        for _ in range(3):
            computed(PROBLEM, arguments, emulated_cupy, "stepwise")
    assert len(graphs) == 4
    assert launches == graphs[:2] * 3 + graphs[2:] * 2


def test_threads_share_no_graph(emulated_cupy: ModuleType) -> None:
    """Each may have a default stream of its own."""
    plan = REGISTRY["cupy"].plan(PROBLEM, "stepwise")
    arguments = {n: emulated_cupy.asarray(v) for n, v in random_arguments(PROBLEM, 0).items() if v is not None}
    plan.forward(**arguments)
    other = threading.Thread(target=lambda: plan.forward(**arguments))
    other.start()
    other.join()
    assert len(plan._recurrence._loops) == 2


def test_a_capture_that_fails_ends(emulated_cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = random_arguments(PROBLEM, 0, "dy")
    right = computed(PROBLEM, arguments, emulated_cupy, "stepwise")
    with monkeypatch.context() as patch:
        patch.setattr(GraphRecurrence, "_launch", lambda *_: (_ for _ in ()).throw(MemoryError("no room")))
        with pytest.raises(MemoryError, match="no room"):
            computed(PROBLEM, arguments, emulated_cupy, "stepwise")
    assert stand_in.Stream.current.ptr == 0
    again = computed(PROBLEM, arguments, emulated_cupy, "stepwise")
    np.testing.assert_array_equal(again["y"], right["y"])


@pytest.mark.parametrize(
    ("batch", "hidden_size", "dtype", "in_graph"),
    [(32, 1024, "float32", True), (32, 2048, "float32", True), (32, 2304, "float32", False), (512, 1024, "float32", 0)],
)
def test_large_products_are_made_by_cublas(batch: int, hidden_size: int, dtype: str, in_graph: bool) -> None:
    choice = Stepwise(Problem(9, batch, 8, hidden_size, dtype), gpu_chips.find("h100"))
    assert choice.in_graph == in_graph
    assert ("in a CUDA graph" in choice.tiles()) == in_graph
    assert choice.kernel("forward").expression == ("stepwise" if in_graph else "finish") + "_forward<float>"
    recurrence = choice.recurrence(choice.problem, None)
    assert isinstance(recurrence, GraphRecurrence if in_graph else ProductRecurrence)


def test_a_step_in_a_graph_takes_less_time() -> None:
    small, large = (Stepwise(Problem(9, 32, 8, size), gpu_chips.find("h100")) for size in (64, 4000))
    assert small.limits("forward")[LATENCY] < large.limits("forward")[LATENCY]


def test_what_cannot_be_captured_is_refused_by_the_stand_in(emulated_cupy: ModuleType) -> None:
    array = emulated_cupy.zeros((2, 2), np.float32)
    with stand_in.Stream(3) as stream:
        stream.begin_capture()
        for call in (lambda: emulated_cupy.matmul(array, array, out=array), lambda: emulated_cupy.empty(3)):
            with pytest.raises(NotImplementedError, match="captured"):
                call()
        array[...] = 1.0
        graph = stream.end_capture()
    np.testing.assert_array_equal(array.get(), 0)
    graph.launch()
    np.testing.assert_array_equal(array.get(), 1)


@pytest.mark.parametrize(("batch", "hidden_size"), [(1, 1), (10_000_000, 1), (9, 33), (1, 100_000)])
def test_the_grid_covers_the_problem_and_is_one_that_cuda_takes(batch: int, hidden_size: int) -> None:
    (down, across), threads = step_grid(Problem(9, batch, 8, hidden_size))
    assert down * 8 >= batch > (down - 1) * 8
    units = threads // 32 * 4
    assert across * units >= hidden_size > (across - 1) * units
    assert down < 2**31
    assert across < 2**16
