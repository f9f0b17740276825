import math

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.layers import Dense
from rnnfast.optimizers import SGD, Adam
from rnnfast.parameters import Parameter
from rnnfast.schedules import CosineDecay, ExponentialDecay, LinearWarmup, PiecewiseConstantDecay, Schedule

STEPS = range(60)
WITH_KERAS = [
    PiecewiseConstantDecay([3, 10], [1.0, 0.5, 0.25]),
    ExponentialDecay(0.5, 7, 0.3),
    ExponentialDecay(0.5, 7, 0.3, staircase=True),
    CosineDecay(0.5, 20),
    CosineDecay(0.5, 20, alpha=0.1),
    CosineDecay(0.1, 20, alpha=0.1, warmup_target=0.7, warmup_steps=9),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("schedule", WITH_KERAS, ids=repr)
def test_every_step_is_that_of_keras(schedule, keras):
    theirs = getattr(keras.optimizers.schedules, type(schedule).__name__)(**vars(schedule))
    expected = [float(theirs(np.float32(step))) for step in STEPS]
    np.testing.assert_allclose([schedule(step) for step in STEPS], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("schedule", "definition"),
    [
        (WITH_KERAS[0], lambda n: 1.0 if n <= 3 else 0.5 if n <= 10 else 0.25),
        (WITH_KERAS[1], lambda n: 0.5 * 0.3 ** (n / 7)),
        (WITH_KERAS[2], lambda n: 0.5 * 0.3 ** (n // 7)),
        (WITH_KERAS[4], lambda n: 0.05 + 0.45 * (1 + math.cos(math.pi * min(n, 20) / 20)) / 2),
        (LinearWarmup(0.8, 4), lambda n: 0.2 * min(n, 4)),
        (
            LinearWarmup(ExponentialDecay(1.0, 1, 0.5), 4, start=0.2),
            lambda n: 0.2 + 0.2 * n if n < 4 else 0.5 ** (n - 4),
        ),
    ],
)
def test_every_step_is_the_definition(schedule, definition):
    np.testing.assert_allclose([schedule(n) for n in STEPS], [definition(n) for n in STEPS], rtol=1e-12)


def test_the_warm_up_of_keras_is_a_linear_warm_up():
    one, other = WITH_KERAS[5], LinearWarmup(CosineDecay(0.7, 20, alpha=0.1), 9, start=0.1)
    assert [one(n) for n in STEPS] == [other(n) for n in STEPS]


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_step_has_the_rate_of_the_steps_before_it(kind):
    """Against the same optimizer with the rate set by hand."""
    schedule = ExponentialDecay(0.5, 2, 0.5)
    scheduled, by_hand = kind(schedule), kind(schedule(0))
    first, second = Parameter("w", np.ones(3)), Parameter("w", np.ones(3))
    scheduled.build([first])
    by_hand.build([second])
    for step in range(6):
        by_hand.learning_rate = schedule(step)
        assert scheduled.learning_rate == schedule(step)
        for optimizer, parameter in ((scheduled, first), (by_hand, second)):
            parameter.gradient = np.array([1.0, -2.0, step])
            optimizer.step()
        np.testing.assert_array_equal(first.value, second.value)


def test_a_state_that_is_loaded_goes_on_in_its_schedule():
    optimizer, resumed = SGD(ExponentialDecay(0.5, 2, 0.5)), SGD(ExponentialDecay(0.5, 2, 0.5))
    for one in (optimizer, resumed):
        parameter = Parameter("w", np.ones(1))
        parameter.gradient = np.ones(1)
        one.build([parameter])
    for _ in range(5):
        optimizer.step()
    resumed.load_state(optimizer.state())
    assert resumed.learning_rate == optimizer.learning_rate == 0.5 * 0.5**2.5


def test_a_number_ends_a_schedule():
    optimizer = SGD(ExponentialDecay(0.5, 1, 0.5))
    optimizer.learning_rate = 0.3
    assert (optimizer.learning_rate, optimizer.schedule) == (0.3, None)
    optimizer.learning_rate = PiecewiseConstantDecay([1], [0.5, 0.25])
    assert optimizer.learning_rate == 0.5


def test_own_schedules_in_fit():
    class Falling(Schedule):
        def __call__(self, step):
            return 1.0 - step

    model = Sequential([Dense(1)])
    model.compile(SGD(Falling()), "mse")
    with pytest.raises(ValueError, match=r"learning_rate: expected .*at least 0.*got -1\.0"):
        model.fit(np.ones((4, 2)), np.ones(4), batch_size=1)
    assert model.optimizer.iterations == 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: PiecewiseConstantDecay([3, 3], [1, 2, 3]), ValueError, r"boundaries: expected rising .*got \[3, 3\]"),
        (lambda: PiecewiseConstantDecay([1], [1.0]), ValueError, r"values: expected 2, .*got \[1.0\]"),
        (lambda: PiecewiseConstantDecay([-1], [1, 2]), ValueError, "boundaries: expected at least 0, got -1"),
        (lambda: PiecewiseConstantDecay([0.5], [1, 2]), TypeError, "boundaries: expected an integer, got 0.5"),
        (lambda: PiecewiseConstantDecay([1], [1, -2]), ValueError, "values: expected .*got -2"),
        (lambda: ExponentialDecay(-1, 1, 1), ValueError, "initial_learning_rate: expected .*got -1"),
        (lambda: ExponentialDecay(1, 0, 1), ValueError, "decay_steps: expected at least 1, got 0"),
        (lambda: ExponentialDecay(1, 1, "0.5"), TypeError, "decay_rate: expected a number, got '0.5'"),
        (lambda: ExponentialDecay(1, 1, 1, 1), TypeError, "staircase: expected a bool, got 1"),
        (lambda: CosineDecay(1, 1, alpha=-1), ValueError, "alpha: expected .*got -1"),
        (
            lambda: CosineDecay(1, 1, warmup_steps=3),
            ValueError,
            "warmup_steps: expected 0 without warmup_target, got 3",
        ),
        (lambda: CosineDecay(1, 1, warmup_target=2), ValueError, "warmup_steps: expected at least 1, got 0"),
        (lambda: LinearWarmup("x", 1), TypeError, "after: expected a number, got 'x'"),
        (lambda: LinearWarmup(1.0, 0), ValueError, "steps: expected at least 1, got 0"),
        (lambda: LinearWarmup(1.0, 1, start=-1), ValueError, "start: expected .*got -1"),
        (lambda: SGD(ExponentialDecay), TypeError, "learning_rate: expected a number, got <class"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
