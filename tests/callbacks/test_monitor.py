"""What the callbacks do with a given course of a log, against Keras's rules."""

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from rnnfast.layers import Dense
from rnnfast.metrics import AUC
from rnnfast.optimizers import SGD
from rnnfast.schedules import ExponentialDecay

x = np.random.default_rng(0).standard_normal((10, 3))
y = (x.sum(axis=1) > 0).astype(int)


class Course(Callback):
    """Replaces a log by given values, one an epoch."""

    def __init__(self, values, name="loss"):
        self.values, self.name = values, name

    def on_epoch_end(self, epoch, logs):
        logs[self.name] = self.values[epoch]


def model(optimizer=None, metrics=("accuracy",)):
    m = Sequential([Dense(1, "sigmoid")], seed=0, dtype="float64")
    m.compile(optimizer or SGD(1.0), "binary_crossentropy", metrics)
    return m


def follow(callback, values, name="loss", **options):
    m = model(**options)
    rates, weights = [], []

    class Record(Callback):
        def on_epoch_begin(self, epoch):
            rates.append(m.optimizer.learning_rate)

        def on_epoch_end(self, epoch, logs):
            weights.append(m.get_weights()[0].copy())

    m.fit(x, y, epochs=len(values), callbacks=[Course(values, name), Record(), callback])
    return m, rates, weights


@pytest.mark.parametrize(
    ("options", "values", "stopped", "best"),
    [
        ({}, [3, 2, 2, 1], 2, 1),
        ({"patience": 1}, [3, 2, 2, 1], 2, 1),
        ({"patience": 2}, [3, 2, 2, 2, 1], 3, 1),
        ({"patience": 2}, [3, 2, 2, 1, 1], None, 3),
        ({"min_delta": 1.0}, [3, 2, 0.5], 1, 0),
        ({"min_delta": 0.5}, [3, 2, 1], None, 2),
        ({"mode": "max"}, [3, 4, 2], 2, 1),
        ({"monitor": "accuracy"}, [0.1, 0.2, 0.2], 2, 1),
        ({"start_from_epoch": 2}, [1, 2, 9, 8, 8], 4, 3),
        ({"baseline": 1.5, "patience": 3}, [3, 2.5, 2.4, 2.4, 0], 3, 2),
        ({"baseline": 2.5, "patience": 2}, [3, 2, 2, 2, 0], 3, 1),
        ({"patience": 1}, [3, np.nan, 2], 1, 0),
        ({"patience": 2}, [np.nan, 2, 1, 1], None, 2),
    ],
)
def test_early_stopping(options, values, stopped, best):
    stopping = EarlyStopping(**{"monitor": "loss", **options})
    m, _, weights = follow(stopping, values, name=stopping.monitor)
    assert stopping.stopped_epoch == stopped
    assert (stopping.best_epoch, stopping.best) == (best, values[best])
    assert len(weights) == (len(values) if stopped is None else stopped + 1)
    np.testing.assert_array_equal(m.get_weights()[0], weights[-1])


@pytest.mark.parametrize("values", [[3, 1, 2, 2], [3, 1, 2]])
def test_the_best_weights_come_back_whether_it_stopped_or_not(values):
    stopping = EarlyStopping("loss", patience=2, restore_best_weights=True)
    m, _, weights = follow(stopping, values)
    assert stopping.stopped_epoch == (3 if len(values) == 4 else None)
    np.testing.assert_array_equal(m.get_weights()[0], weights[1])
    assert not np.array_equal(weights[1], weights[-1])


def test_each_fit_begins_anew():
    stopping = EarlyStopping("loss", patience=1)
    m = model()
    for _ in range(2):
        m.fit(x, y, epochs=3, callbacks=[Course([1, 2, 3]), stopping])
        assert (stopping.best, stopping.stopped_epoch) == (1, 1)


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        ({"patience": 2, "factor": 0.5}, [1, 1, 1, 1, 1, 1], [1, 1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "factor": 0.5, "cooldown": 2}, [1, 1, 1, 1, 1, 1], [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ({"patience": 1, "factor": 0.1, "min_lr": 0.05}, [1, 1, 1, 1], [1, 1, 0.1, 0.05]),
        ({"patience": 1, "min_delta": 0.5}, [1, 0.6, 0.2, 0.2], [1, 1, 0.1, 0.1]),
        ({"patience": 1, "mode": "max"}, [1, 2, 1, 1], [1, 1, 1, 0.1]),
    ],
)
def test_the_learning_rate_falls_on_a_plateau(options, values, expected):
    _, rates, _ = follow(ReduceLROnPlateau("loss", **options), values)
    np.testing.assert_allclose(rates, expected)


@pytest.mark.filterwarnings("ignore")
def test_plateau_as_in_keras(keras):
    """A random course, with every option, against Keras's own callback."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = rng.integers(0, 4, 15) / 4
        options = {
            "factor": 0.5,
            "patience": int(rng.integers(0, 4)),
            "cooldown": int(rng.integers(0, 3)),
            "min_delta": float(rng.choice([0, 0.3])),
            "mode": str(rng.choice(["min", "max"])),
            "min_lr": float(rng.choice([0, 0.2])),
        }

        class Model:
            optimizer = keras.optimizers.SGD(1.0)

        theirs = keras.callbacks.ReduceLROnPlateau("loss", **options)
        theirs.set_model(Model())
        theirs.on_train_begin()
        expected = []
        for epoch, value in enumerate(values):
            expected.append(float(Model.optimizer.learning_rate))
            theirs.on_epoch_end(epoch, {"loss": value})
        _, rates, _ = follow(ReduceLROnPlateau("loss", **options), values)
        np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EarlyStopping(3), TypeError, "monitor: expected the name of a log, got 3"),
        (lambda: EarlyStopping(mode="best"), ValueError, "mode: expected one of auto, min, max, got 'best'"),
        (lambda: EarlyStopping(patience=-1), ValueError, "patience: expected at least 0, got -1"),
        (lambda: EarlyStopping(patience=1.5), TypeError, "patience: expected an integer, got 1.5"),
        (lambda: EarlyStopping(min_delta=-1), ValueError, "min_delta: expected .*got -1"),
        (lambda: EarlyStopping(baseline="1"), TypeError, "baseline: expected a number, got '1'"),
        (lambda: EarlyStopping(restore_best_weights=1), TypeError, "restore_best_weights: expected a bool, got 1"),
        (lambda: EarlyStopping(start_from_epoch=-2), ValueError, "start_from_epoch: expected at least 0, got -2"),
        (lambda: ReduceLROnPlateau(factor=1.0), ValueError, "factor: expected .*less than 1, got 1.0"),
        (lambda: ReduceLROnPlateau(cooldown=True), TypeError, "cooldown: expected an integer, got True"),
        (lambda: ReduceLROnPlateau(min_lr=-1), ValueError, "min_lr: expected .*got -1"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def half(y_true, y_pred):
    return 0.5


@pytest.mark.parametrize(
    ("callback", "options", "message"),
    [
        (EarlyStopping(), {}, "monitor: expected one of loss, accuracy, got 'val_loss'"),
        (EarlyStopping("auc"), {"metrics": [AUC(name="area")]}, "monitor: expected one of loss, area, got 'auc'"),
        (EarlyStopping("half"), {"metrics": [half]}, "mode: expected 'min' or 'max' for 'half', got 'auto'"),
        (
            ReduceLROnPlateau("loss"),
            {"optimizer": SGD(ExponentialDecay(1.0, 1, 0.5))},
            "learning_rate: expected a number in an optimizer with ReduceLROnPlateau, got ExponentialDecay",
        ),
    ],
)
def test_what_cannot_work_is_found_before_training(callback, options, message):
    m = model(**options)
    with pytest.raises(ValueError, match=message):
        m.fit(x, y, callbacks=[callback])
    assert m.optimizer.iterations == 0
