import numpy as np
import pytest

from rnnfast import Sequential, layers
from rnnfast.layers import SimpleRNN
from rnnfast.random_masks import MaskGenerator

OPTIONS = [
    {},
    {"return_sequences": True},
    {"go_backwards": True},
    {"go_backwards": True, "return_sequences": True},
    {"activation": "sigmoid", "use_bias": False, "return_sequences": True},
    {"dropout": 0.4},
    {"recurrent_dropout": 0.4},
    {"recurrent_dropout": 0.3, "dropout": 0.2, "return_sequences": True, "go_backwards": True},
    {"recurrent_dropout": 0.3, "stateful": True},
    {"stateful": True, "return_sequences": True, "activation": "relu"},
    {"zoneout": 0.4},
    {"zoneout": 0.3, "return_sequences": True, "go_backwards": True, "stateful": True},
    {"drop_connect": 0.4},
    {"drop_connect": 0.3, "recurrent_dropout": 0.2, "return_sequences": True},
    {"output_dropout": 0.4},
    {"output_dropout": 0.4, "return_sequences": True},
    {"output_dropout": 0.3, "return_sequences": True, "go_backwards": True, "stateful": True},
    {"layer_norm": True},
    {"layer_norm": True, "use_bias": False, "return_sequences": True, "activation": "sigmoid"},
    {
        "layer_norm": True,
        "dropout": 0.3,
        "recurrent_dropout": 0.2,
        "zoneout": 0.25,
        "drop_connect": 0.2,
        "output_dropout": 0.3,
        "return_sequences": True,
        "go_backwards": True,
        "stateful": True,
    },
]
DROPS = ("dropout", "recurrent_dropout", "zoneout", "drop_connect", "output_dropout")


def layer_and_input(batch=3, seq_len=4, features=2, units=5, **options):
    """A float64 layer with random weights and bias, and an input."""
    rng = np.random.default_rng(0)
    layer = SimpleRNN(units, dtype="float64", seed=1, bias_initializer="normal", **options)
    x = rng.standard_normal((batch, seq_len, features))
    layer(x)
    layer.reset_states()
    if layer.layer_norm:
        *others, gain = layer.get_weights()
        layer.set_weights([*others, gain + rng.standard_normal(units)])
    return layer, x


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_output_is_that_of_the_cell_by_hand(options, training, by_hand):
    layer, x = layer_and_input(**options)
    y = layer(x, training=training)
    outputs, _ = by_hand(layer, x, training=training)
    np.testing.assert_allclose(y, outputs if layer.return_sequences else outputs[:, -1], rtol=1e-11, atol=1e-14)
    for rate, mask in zip(DROPS, layer.dropped, strict=True):
        assert (mask is not None) == (training and rate in options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients(options, numeric_gradient):
    layer, x = layer_and_input(**options)
    state = np.random.default_rng(2).standard_normal((3, 5)) if layer.stateful else None
    weight = np.random.default_rng(3).standard_normal((3, 4, 5) if layer.return_sequences else (3, 5))

    def loss():
        layer.state = state
        layer.masks = MaskGenerator(np.random.SeedSequence(4))  # the same masks every time
        return float((layer.forward(x, training=True) * weight).sum())

    loss()
    dx = layer.backward(weight)
    np.testing.assert_allclose(dx, numeric_gradient(loss, x), atol=1e-7)
    for parameter in layer.parameters:
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


def test_weights_have_the_order_and_shapes_of_keras(by_hand):
    layer, x = layer_and_input()
    assert [parameter.name for parameter in layer.parameters] == ["kernel", "recurrent_kernel", "bias"]
    assert [array.shape for array in layer.get_weights()] == [(2, 5), (5, 5), (5,)]
    assert layer.count_params() == 2 * 5 + 5 * 5 + 5
    new = [np.arange(array.size, dtype=float).reshape(array.shape) / 10 for array in layer.get_weights()]
    layer.set_weights(new)
    for array, expected in zip(layer.get_weights(), new, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.flags.c_contiguous
    np.testing.assert_allclose(layer(x), by_hand(layer, x)[1], rtol=1e-12)


def test_defaults_are_those_of_keras():
    layer = SimpleRNN(40, seed=0)
    layer(np.zeros((1, 2, 30), np.float32))
    kernel, recurrent, bias = layer.get_weights()
    assert kernel.dtype == np.float32
    assert 0.9 * np.sqrt(6 / 70) < np.abs(kernel).max() <= np.sqrt(6 / 70)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(40), atol=1e-5)
    np.testing.assert_array_equal(bias, np.zeros(40))
    assert layer.activation == "tanh"


def test_a_gain_begins_as_ones_and_comes_last():
    layer = SimpleRNN(4, layer_norm=True)
    layer(np.zeros((1, 2, 3)))
    assert [parameter.name for parameter in layer.parameters] == ["kernel", "recurrent_kernel", "bias", "gain"]
    np.testing.assert_array_equal(layer.get_weights()[3], np.ones(4))


@pytest.mark.parametrize("heads", [2, 6])
def test_drop_connect_drops_what_recurrent_weights_there_are(heads, numeric_gradient):
    layer, x = layer_and_input(units=6, heads=heads, drop_connect=0.5)
    weight = np.random.default_rng(3).standard_normal((3, 6))

    def loss():
        layer.masks = MaskGenerator(np.random.SeedSequence(4))
        return float((layer.forward(x, training=True) * weight).sum())

    loss()
    layer.backward(weight)
    recurrent = layer.parameters[1]
    assert layer.dropped.weights.shape == recurrent.value.shape
    assert (recurrent.gradient[layer.dropped.weights == 0] == 0).all()
    np.testing.assert_allclose(recurrent.gradient, numeric_gradient(loss, recurrent.value), atol=1e-7)


def test_the_state_that_is_kept_or_returned_is_not_dropped():
    layer, x = layer_and_input(output_dropout=0.5, return_state=True, stateful=True)
    y, state = layer(x, training=True)
    assert (y == 0).any()
    assert (state != 0).all()
    np.testing.assert_array_equal(layer.state, state)
    np.testing.assert_allclose(y, state * layer.dropped.output, rtol=1e-14)


@pytest.mark.parametrize("rate_of", ["dropout", "recurrent_dropout"])
def test_one_mask_for_the_whole_sequence_and_a_new_one_for_each_batch(rate_of):
    """With weights that pass the mask through, every step shows the same mask."""
    layer = SimpleRNN(50, activation="linear", return_sequences=True, seed=0, **{rate_of: 0.3})
    x = np.ones((4, 6, 50), np.float32)
    layer(x)
    identity = np.eye(50)
    layer.set_weights([identity, identity, np.zeros(50)])
    y = layer(x, training=True)
    # dropout: h_t is the sum of t + 1 masks; recurrent_dropout: h_t = 1 + mask h_{t-1}
    increments = np.diff(y, axis=1, prepend=0) if rate_of == "dropout" else (y[:, 1:] - 1) / y[:, :-1]
    np.testing.assert_allclose(increments, np.repeat(increments[:, :1], increments.shape[1], axis=1), atol=1e-4)
    mask = increments[:, 0]
    np.testing.assert_allclose(np.unique(mask.round(4)), [0, np.float32(1 / 0.7).round(4)])
    assert 0.2 < np.mean(mask == 0) < 0.4
    assert not (mask[0] == mask[1]).all()
    first = layer.dropped.input if rate_of == "dropout" else layer.dropped.recurrent
    layer(x, training=True)
    second = layer.dropped.input if rate_of == "dropout" else layer.dropped.recurrent
    assert not (first == second).all()


def test_stateful_goes_on_where_the_batch_before_stopped():
    layer, x = layer_and_input(seq_len=8, stateful=True, return_sequences=True)
    whole = layer(x)
    layer.reset_states()
    np.testing.assert_allclose(np.concatenate([layer(x[:, :3]), layer(x[:, 3:])], axis=1), whole, rtol=1e-12)
    again = layer(x)
    assert np.abs(again[:, 0] - whole[:, 0]).max() > 1e-3
    layer.reset_states()
    np.testing.assert_array_equal(layer(x), whole)


def test_a_kept_state_is_out_of_the_caller_s_reach():
    layer, x = layer_and_input(stateful=True, return_state=True)
    y, state = layer(x)
    expected = layer(x)[0]
    layer.reset_states()
    y, state = layer(x)
    y[...] = state[...] = np.nan
    np.testing.assert_array_equal(layer(x)[0], expected)


def test_return_state_and_initial_state(by_hand):
    layer, x = layer_and_input(return_state=True, return_sequences=True)
    y, state = layer(x)
    np.testing.assert_array_equal(state, y[:, -1])
    initial = np.random.default_rng(5).standard_normal((3, 5))
    y, state = layer(x, initial_state=initial)
    np.testing.assert_allclose(y, by_hand(layer, x, initial=initial)[0], rtol=1e-12)
    np.testing.assert_array_equal(state, y[:, -1])


def test_time_major_memory_is_used_as_it_is(monkeypatch):
    """The kernel gets the very memory of the input, and the output is a view of what it returned."""
    seen = []

    def spy(x, *arguments, **options):
        seen.append(x)
        result = spy.__wrapped__(x, *arguments, **options)
        seen.append(result[0])
        return result

    spy.__wrapped__ = layers.recurrence.rnn_forward
    layer, _ = layer_and_input(return_sequences=True)
    monkeypatch.setattr(layers.recurrence, "rnn_forward", spy)
    memory = np.zeros((4, 3, 2))
    y = layer(memory.transpose(1, 0, 2))
    assert np.shares_memory(seen[0], memory)
    assert np.shares_memory(seen[1], y)


x = np.zeros((3, 4, 2), np.float32)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SimpleRNN(0), ValueError, "units: expected at least 1, got 0"),
        (lambda: SimpleRNN(2.5), TypeError, r"units: expected an integer, got 2\.5"),
        (lambda: SimpleRNN(2, "gelu"), ValueError, "activation: expected one of tanh, .*got 'gelu'"),
        (lambda: SimpleRNN(2, backend="tpu"), ValueError, r"backend: expected one of auto, .*got 'tpu'"),
        (lambda: SimpleRNN(2, dropout=1.0), ValueError, "dropout: expected .*less than 1, got 1.0"),
        (lambda: SimpleRNN(2, recurrent_dropout=-0.1), ValueError, r"recurrent_dropout: expected .*got -0\.1"),
        (lambda: SimpleRNN(2, zoneout=1), ValueError, "zoneout: expected .*less than 1, got 1"),
        (lambda: SimpleRNN(2, drop_connect="0.1"), TypeError, r"drop_connect: expected a number, got '0\.1'"),
        (lambda: SimpleRNN(2, output_dropout=-1), ValueError, "output_dropout: expected .*got -1"),
        (lambda: SimpleRNN(2, layer_norm=1), TypeError, "layer_norm: expected a bool, got 1"),
        (lambda: SimpleRNN(2, stateful=1), TypeError, "stateful: expected a bool, got 1"),
        (lambda: SimpleRNN(2, kernel_initializer="he"), ValueError, "kernel_initializer: expected one of .*got 'he'"),
        (lambda: SimpleRNN(2, dtype="float16"), ValueError, "dtype: expected one of float32, float64, got 'float16'"),
        (lambda: SimpleRNN(2, seed=-1), ValueError, "seed: expected at least 0, got -1"),
        (lambda: SimpleRNN(2, seed="1"), TypeError, "seed: expected an integer.*got '1'"),
        (lambda: SimpleRNN(2, name="a/b"), ValueError, "name: expected .*without '/', got 'a/b'"),
        (
            lambda: SimpleRNN(2)(x[0]),
            ValueError,
            r"x: SimpleRNN expected \(batch, time, features\), got shape \(4, 2\)",
        ),
        (lambda: SimpleRNN(2)(x[:0]), ValueError, r"x: expected at least 1 along every axis, got shape \(0, 4, 2\)"),
        (lambda: SimpleRNN(2)(x.astype(str)), TypeError, "x: expected real numbers, got dtype <U32"),
        (
            lambda: SimpleRNN(2)(x, initial_state=x),
            ValueError,
            r"initial_state: expected shape \(3, 2\), got \(3, 4, 2\)",
        ),
        (lambda: SimpleRNN(2).set_weights([]), ValueError, "weights: layer 'simple_rnn' has none before it is built"),
        (
            lambda: Sequential([SimpleRNN(2, return_state=True)]),
            ValueError,
            "return_state: expected False for 'simple_rnn'",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_other_features_or_batch_than_before_are_named():
    layer = SimpleRNN(2, stateful=True)
    layer(x)
    with pytest.raises(ValueError, match=r"expected \(batch, time, features\) with 2 features, got shape \(3, 4, 1\)"):
        layer(x[:, :, :1])
    with pytest.raises(ValueError, match=r"stateful 'simple_rnn' keeps the state of 3 sequences, got a batch of 2"):
        layer(x[:2])
    layer.reset_states()
    layer(x[:2])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([], "weights: expected 3 for 'simple_rnn', got 0"),
        ([np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(3)], r"simple_rnn/bias: expected shape \(2,\), got \(3,\)"),
        (
            [np.zeros((2, 2)), np.zeros((2, 2), complex), np.zeros(2)],
            r"recurrent_kernel: expected real numbers, got dtype",
        ),
    ],
)
def test_bad_weights_change_nothing(weights, message):
    layer = SimpleRNN(2, seed=0)
    layer(x)
    before = layer.get_weights()
    with pytest.raises((ValueError, TypeError), match=message):
        layer.set_weights(weights)
    for array, expected in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)
