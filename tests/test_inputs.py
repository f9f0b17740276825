"""Batches from iterables, in fit and evaluate."""

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.layers import Dense, Embedding, SimpleRNN
from rnnfast.optimizers import SGD

rng = np.random.default_rng(0)
x = rng.standard_normal((10, 3))
y = (x.sum(axis=1) > 0).astype(int)
slices = [slice(0, 4), slice(4, 8), slice(8, 10)]
batches = [(x[s], y[s]) for s in slices]


def model(loss="binary_crossentropy"):
    m = Sequential([Dense(1, "sigmoid")], seed=0)
    m.compile(SGD(0.5, momentum=0.5), loss, ["accuracy", "auc"])
    return m


class Anew:
    """An iterable without a length that begins anew each time."""

    def __iter__(self):
        return iter(batches)


@pytest.mark.parametrize("given", [batches, Anew()])
def test_an_iterable_is_the_arrays_in_its_batches(given):
    whole, stream = model(), model()
    expected = whole.fit(x, y, batch_size=4, epochs=3, shuffle=False, validation_data=(x, y)).history
    history = stream.fit(given, epochs=3, validation_data=given).history
    assert {name: history[name] for name in history if "val" not in name} == {
        name: expected[name] for name in expected if "val" not in name
    }
    np.testing.assert_allclose(history["val_auc"], expected["val_auc"], rtol=1e-6)
    for one, other in zip(whole.get_weights(), stream.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(stream.evaluate(given), whole.evaluate(x, y, batch_size=4))


def numbers(given, **options):
    """The first value of each sample of each batch that a fit trains on, and its history."""
    m = Sequential([Dense(1)])
    m.compile("sgd", "mse")
    seen, step = [], m.train_step
    m.train_step = lambda data: (seen.append(data.x[:, 0].astype(int).tolist()), step(data))[1]
    history = m.fit(given, **options)
    return seen, history


def counting():
    count = 0
    while True:
        yield np.full((2, 1), count), np.zeros(2)
        count += 1


def test_epochs_of_a_generator_go_on_where_the_last_ended():
    seen, history = numbers(counting(), epochs=3, steps_per_epoch=2)
    assert [batch[0] for batch in seen] == [0, 1, 2, 3, 4, 5]
    assert history.epoch == [0, 1, 2]


def test_an_iterable_that_ends_begins_anew_within_an_epoch():
    given = [(np.full((1, 1), i), np.zeros(1)) for i in range(3)]
    assert [batch[0] for batch in numbers(given, epochs=2, steps_per_epoch=4)[0]] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert [batch[0] for batch in numbers(given, epochs=2)[0]] == [0, 1, 2, 0, 1, 2]
    assert [batch[0] for batch in numbers(iter(given))[0]] == [0, 1, 2]


def test_an_iterator_that_ends_too_early_says_so_after_what_it_had():
    given = iter([(np.ones((1, 1)), np.zeros(1))] * 3)
    m = Sequential([Dense(1)])
    m.compile("sgd", "mse")
    with pytest.raises(ValueError, match="steps_per_epoch: expected at most what x has, got 2; it ended after 1 batch"):
        m.fit(given, epochs=3, steps_per_epoch=2)
    assert m.optimizer.iterations == 3


def test_batches_may_differ_in_length_and_carry_weights():
    m = Sequential([Embedding(9, 3), SimpleRNN(2), Dense(1)], seed=0, dtype="float64")
    m.compile(SGD(0.0), "mse", weighted_metrics=["mse"])
    given = [
        (rng.integers(0, 9, (size, steps)), np.arange(size), rng.uniform(0, 1, size))
        for size, steps in ((3, 5), (2, 2), (4, 9))
    ]
    history = m.fit(given, epochs=1).history
    error = np.concatenate([(m.predict(ids)[:, 0] - targets) ** 2 for ids, targets, _ in given])
    weights = np.concatenate([w for _, _, w in given])
    assert history["loss"][0] == pytest.approx((weights * error).mean())
    assert history["mse"][0] == pytest.approx(np.average(error, weights=weights))


def test_classes_weigh_in_every_batch():
    m = model()
    m.compile(SGD(0.0), "binary_crossentropy")
    weighted = m.fit(batches, class_weight={1: 3.0}).history["loss"][0]
    assert weighted == pytest.approx(m.evaluate(x, y, sample_weight=1 + 2 * y), rel=1e-6)


def test_steps_of_evaluation_and_validation():
    m = model()
    assert m.evaluate(batches, steps=1) == m.test_on_batch(*batches[0])
    assert m.evaluate(counting_of(batches), steps=2) == pytest.approx(m.evaluate(batches[:2]))
    history = m.fit(batches, validation_data=counting_of(batches), validation_steps=2, epochs=2).history
    assert len(history["val_loss"]) == 2


def counting_of(given):
    while True:
        yield from given


def test_two_batches_as_validation_are_not_arrays():
    m = model()
    history = m.fit(x, y, validation_data=batches[:2]).history
    assert history["val_loss"][0] == pytest.approx(m.evaluate(x[:8], y[:8])[0])
    history = m.fit(x, y, validation_data=[x, y]).history
    assert history["val_loss"][0] == pytest.approx(m.evaluate(x, y)[0])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: model().fit(x), TypeError, "x: expected arrays x and y, or an iterable of batches, got ndarray"),
        (lambda: model().fit(3), TypeError, "x: expected arrays .*got int"),
        (lambda: model().evaluate(x), TypeError, "x: expected arrays .*got ndarray"),
        (lambda: model().fit([x]), TypeError, r"x: expected batches \(x, y\) or .*got ndarray"),
        (lambda: model().fit([(x,)]), TypeError, r"x: expected batches \(x, y\) or .*got tuple"),
        (lambda: model().fit([(x, y, y, y)]), TypeError, r"x: expected batches \(x, y\) or .*got tuple"),
        (lambda: model().fit([(x, y[:3])]), ValueError, r"y: expected shape .*got \(3,\)"),
        (lambda: model().fit([]), ValueError, "x: expected at least one batch, got none"),
        (lambda: model().evaluate(iter([])), ValueError, "x: expected at least one batch, got none"),
        (lambda: model().evaluate(iter([]), steps=1), ValueError, "steps: expected at most what x has, got 1"),
        (lambda: model().fit(counting(), epochs=2), ValueError, "steps_per_epoch: expected a number .*got None for 2"),
        (lambda: model().fit(batches, steps_per_epoch=0), ValueError, "steps_per_epoch: expected at least 1, got 0"),
        (lambda: model().fit(batches, steps_per_epoch=1.5), TypeError, "steps_per_epoch: expected an integer, got 1.5"),
        (lambda: model().fit(x, y, steps_per_epoch=2), ValueError, "steps_per_epoch: expected None with arrays, got 2"),
        (lambda: model().evaluate(x, y, steps=2), ValueError, "steps: expected None with arrays, got 2"),
        (
            lambda: model().fit(batches, sample_weight=np.ones(10)),
            ValueError,
            "sample_weight: expected None with an iterable",
        ),
        (
            lambda: model().fit(batches, validation_split=0.5),
            ValueError,
            "validation_split: expected 0 with an iterable x, got 0.5",
        ),
        (
            lambda: model().fit(x, y, validation_data=(x, y), validation_steps=2),
            ValueError,
            "validation_steps: expected None with arrays, got 2",
        ),
        (
            lambda: model().fit(x, y, validation_data=iter(batches), epochs=2),
            ValueError,
            "validation_steps: expected a number of batches, .*validation_data can be passed once, got None for 2 ep",
        ),
        (lambda: model().fit(x, y, validation_data=7), TypeError, "validation_data: expected arrays .*got int"),
        (lambda: Sequential([Dense(1)]).fit(batches), RuntimeError, "not compiled"),
        (lambda: model().fit(batches, initial_epoch=0.5), TypeError, "initial_epoch: expected an integer, got 0.5"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_bad_batch_changes_nothing_of_its_own():
    """The batches before it were trained on."""
    m = model()
    with pytest.raises(ValueError, match="x: Dense expected"):
        m.fit([batches[0], (x[:, :2], y)])
    assert m.optimizer.iterations == 1
