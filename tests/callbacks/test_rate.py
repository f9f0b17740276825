import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.callbacks import Callback, LearningRateScheduler
from rnnfast.layers import Dense
from rnnfast.optimizers import SGD
from rnnfast.schedules import ExponentialDecay

x, y = np.ones((4, 2)), np.ones(4)


def model(learning_rate=0.5):
    m = Sequential([Dense(1)], seed=0)
    m.compile(SGD(learning_rate), "mse")
    return m


def test_the_rate_of_each_epoch_follows_from_the_one_before():
    m, rates = model(), []

    class Record(Callback):
        def on_train_batch_end(self, batch, logs):
            rates.append(m.optimizer.learning_rate)

    scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate)
    m.fit(x, y, epochs=3, batch_size=2, callbacks=[scheduler, Record()])
    assert rates == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LearningRateScheduler(0.1), TypeError, "schedule: expected a function of epoch .*got 0.1"),
        (
            lambda: model().fit(x, y, callbacks=[LearningRateScheduler(lambda epoch, rate: -rate)]),
            ValueError,
            "learning_rate: expected .*at least 0.*got -0.5",
        ),
        (
            lambda: model(ExponentialDecay(1.0, 1, 0.5)).fit(
                x, y, callbacks=[LearningRateScheduler(lambda epoch, rate: rate)]
            ),
            ValueError,
            "learning_rate: expected a number in an optimizer with LearningRateScheduler, got ExponentialDecay",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
