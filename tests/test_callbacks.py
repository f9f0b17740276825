import io
import sys

import numpy as np
import pytest
from rich.console import Console

from rnnfast import Sequential, callbacks
from rnnfast.callbacks import Callback, ProgressBar
from rnnfast.layers import Dense

x = np.random.default_rng(0).standard_normal((10, 3))
y = (x.sum(axis=1) > 0).astype(int)


def model():
    m = Sequential([Dense(1, "sigmoid")], seed=0)
    m.compile("sgd", "binary_crossentropy", ["accuracy"])
    return m


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def on_train_begin(self):
        self.calls.append(("train_begin", self.params))

    def on_train_end(self):
        self.calls.append("train_end")

    def on_epoch_begin(self, epoch):
        self.calls.append(("epoch_begin", epoch))

    def on_epoch_end(self, epoch, logs):
        self.calls.append(("epoch_end", epoch, sorted(logs)))

    def on_train_batch_begin(self, batch):
        self.calls.append(("begin", batch))

    def on_train_batch_end(self, batch, logs):
        self.calls.append(("end", batch, sorted(logs)))


def test_hooks_are_called_in_order_with_their_logs():
    recorder = Recorder()
    m = model()
    m.fit(x, y, batch_size=8, epochs=3, initial_epoch=2, callbacks=[recorder], validation_data=(x, y))
    assert recorder.model is m
    means = ["accuracy", "loss"]
    assert recorder.calls == [
        ("train_begin", {"epochs": 3, "steps": 2}),
        ("epoch_begin", 2),
        ("begin", 0),
        ("end", 0, means),
        ("begin", 1),
        ("end", 1, means),
        ("epoch_end", 2, [*means, "val_accuracy", "val_loss"]),
        "train_end",
    ]


def test_a_callback_can_stop_the_training():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = epoch == 1

    m = model()
    assert m.fit(x, y, epochs=5, callbacks=[Stop()]).epoch == [0, 1]
    assert m.fit(x, y, epochs=2).epoch == [0, 1]  # and does not stop the next one


def test_close_is_called_when_a_callback_raises():
    closed = []

    class Fails(Callback):
        def on_epoch_end(self, epoch, logs):
            raise KeyboardInterrupt

        def close(self):
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        model().fit(x, y, callbacks=[Fails()])
    assert closed == [True]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("verbose", [0, 1, "auto"])
def test_silent_where_the_output_is_no_terminal(verbose, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # colour is not what makes a terminal
    model().fit(x, y, epochs=2, verbose=verbose)
    assert capsys.readouterr() == ("", "")


def test_verbose_2_prints_a_line_an_epoch(capsys):
    model().fit(x, y, epochs=2, verbose=2, validation_split=0.3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert [part.split(":")[0] for part in lines[0].split(" - ")[2:]] == [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
    ]


@pytest.mark.parametrize(("verbose", "draws"), [(0, False), (1, True), ("auto", True)])
def test_a_bar_an_epoch_on_a_terminal(verbose, draws, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    model().fit(x, y, batch_size=4, epochs=2, verbose=verbose)
    text = terminal.getvalue()
    assert ("Epoch 2/2" in text and "3/3" in text and "accuracy" in text) == draws
    if not draws:
        assert text == ""


def test_the_bar_stops_when_training_is_interrupted():
    class Fails(Callback):
        def on_train_batch_end(self, batch, logs):
            raise KeyboardInterrupt

    bar = ProgressBar(Console(file=io.StringIO(), force_terminal=True))
    with pytest.raises(KeyboardInterrupt):
        model().fit(x, y, callbacks=[bar, Fails()])
    assert bar._progress is None


def test_without_rich_a_bar_that_was_asked_for_is_an_error_and_auto_prints_lines(monkeypatch):
    monkeypatch.setattr(callbacks, "find_spec", lambda name: None)
    m = model()
    before = m.predict(x)
    with pytest.raises(ImportError, match=r"pip install 'rnnfast\[train\]'"):
        m.fit(x, y, verbose=1)
    np.testing.assert_array_equal(m.predict(x), before)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    m.fit(x, y, verbose="auto")
    assert terminal.getvalue().startswith("Epoch 1/1 - ")


@pytest.mark.parametrize("verbose", [3, -1, True, "yes", None])
def test_another_verbosity_is_named(verbose):
    with pytest.raises(ValueError, match=f"verbose: expected 0, 1, 2 or 'auto', got {verbose!r}"):
        model().fit(x, y, verbose=verbose)


def test_no_callback_is_named():
    with pytest.raises(TypeError, match="callbacks: expected Callback objects, got <function"):
        model().fit(x, y, callbacks=[lambda: None])
