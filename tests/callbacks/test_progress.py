import io
import sys

import numpy as np
import pytest
from rich.console import Console

from rnnfast import Sequential
from rnnfast.callbacks import Callback, ProgressBar, progress
from rnnfast.layers import Dense

x = np.random.default_rng(0).standard_normal((10, 3))
y = (x.sum(axis=1) > 0).astype(int)


def model():
    m = Sequential([Dense(1, "sigmoid")], seed=0)
    m.compile("sgd", "binary_crossentropy", ["accuracy"])
    return m


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
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
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


def test_the_bar_of_an_iterable_without_a_length():
    terminal = io.StringIO()
    batches = ((x[i : i + 2], y[i : i + 2]) for i in range(0, 10, 2))
    bar = ProgressBar(Console(file=terminal, force_terminal=True))
    model().fit(batches, callbacks=[bar], verbose=0)
    assert "5/?" in terminal.getvalue()
