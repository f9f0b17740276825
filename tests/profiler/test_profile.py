"""`rnnfast.profile()`: whole training runs, and bare calls."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import rnnfast
from rnnfast import _cpu
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.profiler import spans

SAMPLES, BATCH = 96, 32


def model() -> rnnfast.Sequential:
    layers = [Embedding(100, 8), SimpleRNN(6, name="rnn"), Dense(1, activation="sigmoid")]
    made = rnnfast.Sequential(layers, seed=1)
    made.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return made


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(1, 100, (SAMPLES, 12)), rng.integers(0, 2, (SAMPLES, 1))


def test_a_training_run() -> None:
    with rnnfast.profile() as found:
        model().fit(*data(), batch_size=BATCH, epochs=2, verbose=0)
    rows = {row.name: row for row in found.rows}
    steps = 2 * SAMPLES // BATCH
    for name in ("optimizer", "loss", "embedding forward", "rnn forward", "rnn backward", "dense forward"):
        assert rows[name].where == "python"
        assert rows[name].calls == steps, name
    assert rows["metrics"].calls == 2 * steps
    assert rows["data"].calls == steps + 2  # and to see that an epoch is over
    assert rows["call overhead"].calls == 2 * steps
    assert rows["recurrence"].calls == steps
    assert rows["other"].calls == 1
    assert all(row.where == "kernels" for name, row in rows.items() if name in _cpu.phases)
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.seconds, rel=1e-6)
    assert [row.seconds for row in found.rows] == sorted((row.seconds for row in found.rows), reverse=True)
    text = str(found)
    for name in rows:
        assert name in text


def test_training_is_the_same_to_the_bit() -> None:
    plain, profiled = model(), model()
    plain.fit(*data(), batch_size=BATCH, verbose=0)
    with rnnfast.profile():
        profiled.fit(*data(), batch_size=BATCH, verbose=0)
    for one, other in zip(plain.get_weights(), profiled.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_bare_calls() -> None:
    rng = np.random.default_rng(0)
    x, w_ih, w_hh = (rng.standard_normal(shape).astype("f4") for shape in ((20, 8, 5), (7, 5), (7, 7)))
    b = np.zeros(7, "f4")
    with rnnfast.profile() as found:
        y, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b)
        rnnfast.rnn_backward(y, x, y, w_ih, w_hh)
    rows = {row.name: row for row in found.rows}
    assert {row.name for row in found.rows if row.where == "python"} == {"other"}
    assert rows["call overhead"].calls == 2
    assert rows["weight gradients"].calls == 1
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.seconds, rel=1e-6)


def test_evaluation_and_prediction_have_their_layers() -> None:
    made = model()
    made.fit(*data(), verbose=0)
    with rnnfast.profile() as found:
        made.evaluate(*data(), batch_size=BATCH)
        made.predict_on_batch(data()[0])
    rows = {row.name: row for row in found.rows}
    assert rows["rnn forward"].calls == SAMPLES // BATCH + 1
    assert "optimizer" not in rows


def test_spans_are_exclusive() -> None:
    with rnnfast.profile() as found, spans.span("outer"):
        time.sleep(0.02)
        with spans.span("inner", "part"):
            time.sleep(0.03)
    rows = {row.name: row for row in found.rows}
    assert rows["outer"].seconds >= 0.02
    assert rows["inner part"].seconds >= 0.03
    assert rows["outer"].seconds < found.seconds - 0.03 + 1e-3
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.seconds, rel=1e-6)


def test_other_threads_stand_apart() -> None:
    made = model()
    made.fit(*data(), verbose=0)
    with rnnfast.profile() as found:
        worker = threading.Thread(target=made.predict_on_batch, args=(data()[0],), name="the worker")
        worker.start()
        worker.join()
    rows = {row.name: row for row in found.rows}
    assert rows["rnn forward"].seconds == rows["rnn forward"].calls == 0
    assert rows["rnn forward"].others > 0
    assert rows["recurrence"].others > 0
    assert "the worker" in [thread.name for thread in found.threads]
    assert sum(row.seconds for row in found.rows) == pytest.approx(found.seconds, rel=1e-6)


def test_one_at_a_time() -> None:
    with rnnfast.profile() as found:
        with pytest.raises(RuntimeError, match="profile: expected none that is running"), rnnfast.profile():
            pass
        rnnfast.rnn_forward(*(np.ones(shape, "f4") for shape in ((2, 1, 1), (1, 1), (1, 1), (1,))))
    assert {row.name for row in found.rows} >= {"call overhead", "other"}  # the first goes on


def test_an_exception_ends_it() -> None:
    with pytest.raises(KeyError), rnnfast.profile() as found, spans.span("broken"):
        raise KeyError
    assert {row.name for row in found.rows} == {"broken", "other"}
    with rnnfast.profile() as after:
        pass
    assert [row.name for row in after.rows] == ["other"]


def test_off_there_is_nothing() -> None:
    assert spans.span("anything") is spans.span("else", "part")
    items = [1, 2]
    assert spans.spanned("data", items) is items
    with rnnfast.profile():
        assert list(spans.spanned("data", items)) == items
        assert isinstance(spans.span("anything"), contextlib.AbstractContextManager)


def test_events_that_find_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "MOST_EVENTS", 3)
    with rnnfast.profile() as found:
        for _ in range(5):
            with spans.span("one"):
                pass
    assert next(row for row in found.rows if row.name == "one").calls == 5
    assert found.dropped == 3  # two of these, and the block itself
    assert "3 events found no room" in str(found)


def test_a_trace(tmp_path: Path) -> None:
    with rnnfast.profile() as found:
        model().fit(*data(), batch_size=BATCH, verbose=0)
    found.write_trace(tmp_path / "trace.json")
    written = json.loads((tmp_path / "trace.json").read_text())
    complete = [event for event in written["traceEvents"] if event["ph"] == "X"]
    names = {event["name"] for event in complete}
    assert {"data", "optimizer", "rnn forward", "recurrence", "call", "other"} <= names
    for event in complete:
        assert event["dur"] >= 0
        assert -50 <= event["ts"] <= event["ts"] + event["dur"] <= found.seconds * 1e6 + 50
    layer = min((event for event in complete if event["name"] == "rnn forward"), key=lambda event: event["ts"])
    inside = [
        event
        for event in complete
        if event["name"] == "call" and layer["ts"] - 50 <= event["ts"] <= layer["ts"] + layer["dur"] + 50
    ]
    assert len(inside) == 1
    assert inside[0]["tid"] == layer["tid"]
    named = {event["args"]["name"] for event in written["traceEvents"] if event["ph"] == "M"}
    assert {"rnnfast", "caller"} <= named
