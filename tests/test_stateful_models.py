"""States that go on from batch to batch, and truncated BPTT: within a batch, and over chunks."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.layers import Bidirectional, Dense, SimpleRNN
from rnnfast.optimizers import SGD

rng = np.random.default_rng(0)
BATCH, STEPS, FEATURES, UNITS = 4, 12, 3, 5
x = rng.standard_normal((3 * BATCH, STEPS, FEATURES)).astype(np.float32)
y = rng.standard_normal((3 * BATCH, 1)).astype(np.float32)


def stateful_model(first: SimpleRNN | Bidirectional | None = None) -> Sequential:
    model = Sequential([first or SimpleRNN(UNITS, stateful=True), Dense(1)], seed=1)
    model.compile("sgd", "mse")
    return model


def test_fit_goes_on_with_the_states_of_the_fit_before():
    fitted, stepped = stateful_model(), stateful_model()
    for _ in range(2):
        fitted.fit(x, y, batch_size=BATCH, shuffle=False)
    for _ in range(2):
        for part in np.split(np.arange(len(x)), 3):
            stepped.train_on_batch(x[part], y[part])
    for one, other in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(fitted.get_states()[0][0], stepped.get_states()[0][0])
    going_on = fitted.predict(x, batch_size=BATCH)
    fitted.reset_states()
    assert (fitted.predict(x, batch_size=BATCH) != going_on).any()


@pytest.mark.parametrize("kind", [SimpleRNN, lambda units, **options: Bidirectional(SimpleRNN(units, **options))])
@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.train_on_batch(x, y),
        lambda model: model.test_on_batch(x, y),
        lambda model: model.predict_on_batch(x),
        lambda model: model.fit(x, y, batch_size=2 * BATCH),
        lambda model: model.fit([(x, y)]),
        lambda model: model.evaluate(x, y, batch_size=2),
        lambda model: model.predict(x, batch_size=2),
        lambda model: model.layers[0](x),
    ],
)
def test_a_batch_of_another_size_is_named_and_changes_nothing(use, kind):
    model = stateful_model(kind(UNITS, stateful=True))
    model.train_on_batch(x[:BATCH], y[:BATCH])
    states, weights = model.get_states(), model.get_weights()
    with pytest.raises(
        ValueError, match=r"keeps the state of 4 sequences, got a batch of \d+; reset_states\(\) forgets"
    ):
        use(model)
    for one, other in zip([*model.get_states()[0], *model.get_weights()], [*states[0], *weights], strict=True):
        np.testing.assert_array_equal(one, other)
    model.reset_states()
    model.predict_on_batch(x)


def rnn(**options) -> SimpleRNN:
    return SimpleRNN(UNITS, return_sequences=True, dtype="float64", seed=1, bias_initializer="normal", **options)


@pytest.mark.parametrize("backwards", [False, True])
def test_bptt_steps_are_chunks_through_which_a_state_is_carried(backwards):
    """Gradients of one call that is cut, and the sum of those of a stateful layer over the parts."""
    whole = rnn(bptt_steps=4, go_backwards=backwards)
    chunked = rnn(stateful=True, go_backwards=backwards)
    uncut = rnn(go_backwards=backwards)
    dy = rng.standard_normal((len(x), STEPS, UNITS))
    outputs = [layer(x, training=True) for layer in (whole, uncut)]
    np.testing.assert_array_equal(*outputs)
    dx, uncut_dx = whole.backward(dy), uncut.backward(dy)
    assert np.abs(dx - uncut_dx).max() > 1e-3

    total = None
    for step in range(0, STEPS, 4):  # in the order of processing
        times = slice(step, step + 4) if not backwards else slice(STEPS - step - 4, STEPS - step)
        y = chunked(x[:, times], training=True)
        np.testing.assert_allclose(y, outputs[0][:, step : step + 4], rtol=1e-12)
        np.testing.assert_allclose(chunked.backward(dy[:, step : step + 4]), dx[:, times], atol=1e-12)
        gradients = [parameter.gradient for parameter in chunked.parameters]
        total = gradients if total is None else [one + other for one, other in zip(total, gradients, strict=True)]
    for parameter, expected in zip(whole.parameters, total, strict=True):
        np.testing.assert_allclose(parameter.gradient, expected, rtol=1e-10)


def test_bptt_steps_count_valid_steps():
    mask = rng.random((len(x), STEPS)) < 0.6
    mask[0] = True
    layers = [rnn(bptt_steps=3), rnn(bptt_steps=3)]
    dy = rng.standard_normal((1, STEPS, UNITS))
    for row in range(len(x)):
        valid = mask[row]
        layers[0](x[row : row + 1], training=True, mask=mask[row : row + 1])
        dx = layers[0].backward(np.where(valid[:, None], dy, 0))
        if valid.any():
            layers[1](x[row : row + 1, valid], training=True)
            np.testing.assert_allclose(dx[:, valid], layers[1].backward(dy[:, valid]), atol=1e-12)
        assert not dx[:, ~valid].any()


def test_both_directions_are_cut():
    pattern = SimpleRNN(UNITS, bptt_steps=2, seed=1, dtype="float64")
    layer = Bidirectional(pattern)
    layer(x, training=True)
    dx = layer.backward(np.ones((len(x), 2 * UNITS)))
    assert dx[:, :2].any()
    assert dx[:, -2:].any()
    assert not dx[:, 2:-2].any()  # windows of an even number of steps from either end


def test_a_model_trains_over_chunks_as_in_one_batch():
    """Plain steps of SGD, small enough to be the sum: the chunks of a sequence, and the whole of it, cut."""
    moves = []
    targets = rng.standard_normal((len(x), STEPS, UNITS))
    for layer, parts in ((rnn(bptt_steps=6), 1), (rnn(stateful=True), 2)):
        model = Sequential([layer], dtype="float64")
        model.compile(SGD(1e-7), "mse")
        model.build(x.shape)
        before = model.get_weights()
        for steps in np.split(np.arange(STEPS), parts):
            model.train_on_batch(x[:, steps], targets[:, steps])
        moves.append([(one - other) / parts for one, other in zip(model.get_weights(), before, strict=True)])
    for one, other in zip(*moves, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SimpleRNN(2, bptt_steps=0), ValueError, "bptt_steps: expected at least 1, got 0"),
        (lambda: SimpleRNN(2, bptt_steps=2.5), TypeError, r"bptt_steps: expected an integer, got 2\.5"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
