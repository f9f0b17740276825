import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.callbacks import Callback, LambdaCallback, TerminateOnNaN
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


def test_training_stops_after_the_batch_in_which_a_callback_says_so():
    m = model()
    seen = []

    def stop(batch, logs):
        seen.append(batch)
        m.stop_training = batch == 1

    history = m.fit(x, y, batch_size=2, epochs=3, callbacks=[LambdaCallback(on_train_batch_end=stop)])
    assert seen == [0, 1]
    assert history.epoch == [0]
    assert m.optimizer.iterations == 2


def test_functions_are_called_at_their_hooks():
    calls = []
    hooks = LambdaCallback(on_epoch_begin=lambda epoch: calls.append(epoch), on_train_end=lambda: calls.append("end"))
    model().fit(x, y, epochs=2, callbacks=[hooks])
    assert calls == [0, 1, "end"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_terminate_on_nan(value):
    """The second batch of the first epoch has a sample whose loss is no number."""
    m = Sequential([Dense(1)], seed=0)
    m.compile("sgd", "mse")
    bad = x.copy()
    bad[3, 0] = value
    with np.errstate(all="ignore"):
        history = m.fit(bad, y, batch_size=2, epochs=3, shuffle=False, callbacks=[TerminateOnNaN()])
    assert m.optimizer.iterations == 2
    assert history.epoch == [0]
    assert not np.isfinite(history.history["loss"][0])
    m = model()
    m.fit(x, y, batch_size=2, epochs=3, callbacks=[TerminateOnNaN()])
    assert m.optimizer.iterations == 15


def test_no_callback_is_named():
    with pytest.raises(TypeError, match="callbacks: expected Callback objects, got <function"):
        model().fit(x, y, callbacks=[lambda: None])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LambdaCallback(on_epoch=print), "on_epoch: expected one of the hooks on_train_begin, .*close"),
        (lambda: LambdaCallback(on_epoch_end=3), "on_epoch_end: expected a function, got 3"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()
