"""Variant `stepwise` as CUDA graphs."""

from __future__ import annotations

from types import ModuleType

import emulated_cupy as stand_in
import numpy as np
from gpu_problems import by_name, expected, random_arguments

import rnnfast
from rnnfast.backends.cupy_graphs import Arrays, Graphs
from rnnfast.problem import Problem


def test_calls_in_a_loop_are_replayed_and_right(cupy: ModuleType) -> None:
    problem = Problem(4, 5, 3, 7)
    before = stand_in.Graph.launches
    a = random_arguments(problem, 0, "dy", "lengths")
    x, w_ih, w_hh, b, dy, lengths = (cupy.asarray(a[name]) for name in ("x", "w_ih", "w_hh", "b", "dy", "lengths"))
    options = {"lengths": lengths, "backend": "cupy", "variant": "stepwise"}
    for seed in range(6):
        a["x"] = random_arguments(problem, seed)["x"]
        x[...] = cupy.asarray(a["x"])
        y, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b, **options)
        grads = rnnfast.rnn_backward(dy, x, y, w_ih, w_hh, **options)
        right = expected(problem, a)
        for name, value in {"y": y, **by_name(grads)}.items():
            np.testing.assert_allclose(value.get(), right[name], rtol=0, atol=1e-4, err_msg=name)
    if isinstance(cupy.cuda.get_current_stream(), stand_in.Stream):
        assert stand_in.Graph.launches - before >= 4


def test_launched_then_captured_then_replayed(emulated_cupy: ModuleType) -> None:
    graphs, calls = Graphs(emulated_cupy), []

    def launch(arrays: Arrays) -> None:
        calls.append(None)
        a, b = arrays["a"], arrays["b"]
        stand_in.submit(lambda: b.memory.__iadd__(a.memory))

    for times in range(1, 6):
        a, b = (emulated_cupy.asarray(np.full(3, value)) for value in (times, 10.0))
        graphs.run("key", {"a": a, "b": b, "absent": None}, launch, inputs=("a", "b", "absent"), outputs=("b",))
        np.testing.assert_array_equal(b.get(), np.full(3, 10.0 + times))
    assert len(calls) == 2
    with stand_in.Stream(3):
        graphs.run("key", {"a": a, "b": b, "absent": None}, launch, inputs=("a", "b", "absent"), outputs=("b",))
    assert len(calls) == 3


def test_only_the_latest_graphs_are_kept(emulated_cupy: ModuleType) -> None:
    graphs, calls = Graphs(emulated_cupy), []
    for key in [*range(9), 8, 0]:
        graphs.run(key, {}, lambda _, key=key: calls.append(key), inputs=(), outputs=())
    assert calls == [*range(9), 8, 0]
    graphs.run(8, {}, lambda _: calls.append("again"), inputs=(), outputs=())
    assert calls[-1] == 0
