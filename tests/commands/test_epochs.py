from __future__ import annotations

import time

import numpy as np
import pytest

import rnnfast
from rnnfast.commands.epochs import EpochReport
from rnnfast.layers import Dense, Dropout

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 4)), RNG.integers(0, 2, 60)
TEST = RNG.standard_normal((20, 4)), RNG.integers(0, 2, 20)


def fitted(report: EpochReport, epochs: int = 2) -> rnnfast.Sequential:
    model = rnnfast.Sequential([Dropout(0.5), Dense(1, activation="sigmoid")], seed=0)
    model.compile("sgd", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, batch_size=7, epochs=epochs, callbacks=[report], verbose=0)
    return model


def test_running_means_by_default() -> None:
    lines: list[str] = []
    report = EpochReport(TEST, say=lines.append)
    model = fitted(report)
    curves = report.curves
    assert [line.split(":")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert [curves.test_loss[-1], curves.test_accuracy[-1]] == pytest.approx(model.evaluate(*TEST))
    assert curves.train_loss[-1] != pytest.approx(model.evaluate(X, Y)[0], abs=1e-4)  # dropout, and moving weights
    assert f"train loss {curves.train_loss[1]:.4f}, accuracy {curves.train_accuracy[1]:.4f}; " in lines[1]
    assert f"test loss {curves.test_loss[1]:.4f}, accuracy {curves.test_accuracy[1]:.4f}; " in lines[1]


def test_full_pass_over_the_training_set() -> None:
    report = EpochReport(TEST, train=(X, Y), say=lambda line: None)
    model = fitted(report)
    assert [report.curves.train_loss[-1], report.curves.train_accuracy[-1]] == pytest.approx(model.evaluate(X, Y))


def test_evaluation_is_not_in_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*arguments: object, **options: object) -> list[float]:
        time.sleep(0.5)
        return [1.0, 0.5]

    monkeypatch.setattr(rnnfast.Sequential, "evaluate", slow)
    report = EpochReport(TEST, train=(X, Y), say=lambda line: None)
    fitted(report, epochs=1)
    assert 0 < report.curves.seconds[0] < 0.4
