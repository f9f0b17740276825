import math
from types import SimpleNamespace

import numpy as np
import pytest

from rnnfast import RNN, Activation, optimizers
from rnnfast.pointwise import ACTIVATIONS
from rnnfast.random_masks import MaskGenerator

rng = np.random.default_rng(0)
T, B, F, H = 6, 4, 3, 5
x = rng.standard_normal((T, B, F))
LENGTHS = np.array([6, 2, 0, 5])


def states(layers, directions, batch=B):
    return rng.standard_normal((layers * directions, batch, H))


def by_hand(rnn, x, h0, lengths, f=np.tanh):
    """y and h_n of torch's definition: one sequence, layer, direction and step after the other."""
    weights = rnn.state_dict()
    directions = ("", "_reverse")[: 1 + rnn.bidirectional]
    y = np.zeros((*x.shape[:2], len(directions) * H))
    h_n = np.array(h0)
    for sequence in range(x.shape[1]):
        length = len(x) if lengths is None else lengths[sequence]
        inputs = x[:length, sequence]
        for layer in range(rnn.num_layers):
            outputs = np.zeros((length, len(directions) * H))
            for index, suffix in enumerate(directions):
                w_ih, w_hh = (weights[f"weight_{kind}_l{layer}{suffix}"] for kind in ("ih", "hh"))
                b = sum(weights[f"bias_{kind}_l{layer}{suffix}"] for kind in ("ih", "hh")) if rnn.bias else 0
                h = h0[layer * len(directions) + index, sequence]
                for t in reversed(range(length)) if suffix else range(length):
                    h = f(w_ih @ inputs[t] + w_hh @ h + b)
                    outputs[t, index * H : (index + 1) * H] = h
                h_n[layer * len(directions) + index, sequence] = h
            inputs = outputs
        y[:length, sequence] = inputs
    return y, h_n


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 3])
def test_output_is_that_by_hand(layers, directions, bias, lengths):
    rnn = RNN(F, H, layers, bias=bias, bidirectional=directions == 2, dtype="float64", seed=1)
    h0 = states(layers, directions)
    for given in (h0, None):
        expected = by_hand(rnn, x, np.zeros_like(h0) if given is None else given, lengths)
        for got, wanted in zip(rnn(x, given, lengths), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name):
    rnn = RNN(F, H, 2, Activation(name), bidirectional=True, dtype="float64", seed=1)
    with np.errstate(all="ignore"):
        expected = by_hand(rnn, x, np.zeros((4, B, H)), LENGTHS, Activation(name).f)
    for got, wanted in zip(rnn(x, lengths=LENGTHS), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bidirectional": True, "bias": False},
        {"num_layers": 2, "nonlinearity": "sigmoid"},
        {"num_layers": 3, "bidirectional": True, "dropout": 0.4},
        {"num_layers": 2, "bidirectional": True, "batch_first": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_gradients(options, lengths, numeric_gradient):
    rnn = RNN(F, H, dtype="float64", seed=1, **options)
    inputs = x.transpose(1, 0, 2).copy() if rnn.batch_first else x.copy()
    h0 = states(rnn.num_layers, 1 + rnn.bidirectional)
    y, h_n = rnn(inputs, h0, lengths)
    dy, dh_n = rng.standard_normal(y.shape), rng.standard_normal(h_n.shape)

    def loss():
        rnn._masks = MaskGenerator(np.random.SeedSequence(3))  # the same masks
        y, h_n = rnn(inputs, h0, lengths, training=True)
        return float((dy * y).sum() + (dh_n * h_n).sum())

    loss()
    gradients = rnn.backward(dy, dh_n)
    np.testing.assert_allclose(gradients.dx, numeric_gradient(loss, inputs), atol=1e-7)
    np.testing.assert_allclose(gradients.dh0, numeric_gradient(loss, h0), atol=1e-7)
    assert list(gradients.parameters) == list(rnn.state_dict())
    for parameter in rnn.parameters:
        assert gradients.parameters[parameter.name] is parameter.gradient
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


def test_no_gradient_of_y_or_of_h_n_is_one_of_zeros():
    rnn = RNN(F, H, 2, bidirectional=True, dtype="float64", seed=1)
    y, h_n = rnn(x, training=True)
    for given, zeros in (
        ((None, h_n), (np.zeros_like(y), h_n)),
        ((y, None), (y, np.zeros_like(h_n))),
        ((None, None), (np.zeros_like(y), np.zeros_like(h_n))),
    ):
        got, expected = rnn.backward(*given), rnn.backward(*zeros)
        np.testing.assert_array_equal(got.dx, expected.dx)
        np.testing.assert_array_equal(got.dh0, expected.dh0)


def test_names_and_shapes_are_those_of_torch():
    rnn = RNN(F, H, 2, bidirectional=True)
    expected = {}
    for layer, features in ((0, F), (1, 2 * H)):
        for suffix in (f"_l{layer}", f"_l{layer}_reverse"):
            expected |= {"weight_ih" + suffix: (H, features), "weight_hh" + suffix: (H, H)}
            expected |= {"bias_ih" + suffix: (H,), "bias_hh" + suffix: (H,)}
    assert {name: array.shape for name, array in rnn.state_dict().items()} == expected
    assert list(rnn.state_dict()) == list(expected) == [parameter.name for parameter in rnn.parameters]
    assert list(RNN(F, H, bias=False).state_dict()) == ["weight_ih_l0", "weight_hh_l0"]


def test_weights_begin_as_those_of_torch():
    rnn = RNN(200, 100, 2, bidirectional=True, seed=1)
    for name, array in rnn.state_dict().items():
        assert array.dtype == np.float32
        assert np.abs(array).max() <= 0.1, name
        assert abs(array.mean()) < 4 * 0.1 / math.sqrt(3 * array.size), name
        assert abs(array.std() * math.sqrt(3) / 0.1 - 1) < (0.02 if array.ndim == 2 else 0.25), name
    same, other = RNN(200, 100, 2, bidirectional=True, seed=1), RNN(200, 100, 2, bidirectional=True, seed=2)
    np.testing.assert_array_equal(same.state_dict()["weight_hh_l1"], rnn.state_dict()["weight_hh_l1"])
    assert (other.state_dict()["weight_hh_l1"] != rnn.state_dict()["weight_hh_l1"]).any()
    assert (rnn.state_dict()["bias_ih_l0"] != rnn.state_dict()["bias_hh_l0"]).any()


def test_a_state_dict_is_a_copy_that_can_be_loaded():
    rnn, other = (RNN(F, H, 2, bidirectional=True, dtype="float64", seed=seed) for seed in (1, 2))
    kept = rnn.state_dict()
    other.load_state_dict(kept)
    np.testing.assert_array_equal(other(x)[0], rnn(x)[0])
    for array in kept.values():
        array[...] = 0
    np.testing.assert_array_equal(other(x)[0], rnn(x)[0])
    assert rnn(x)[0].any()


def test_batch_first_and_unbatched_are_layouts():
    options = {"num_layers": 2, "bidirectional": True, "dtype": "float64", "seed": 1}
    rnn, batch_first = RNN(F, H, **options), RNN(F, H, batch_first=True, **options)
    h0 = states(2, 2)
    y, h_n = rnn(x, h0, training=True)
    batch_y, batch_h_n = batch_first(x.transpose(1, 0, 2), h0, training=True)
    np.testing.assert_array_equal(batch_y, y.transpose(1, 0, 2))
    np.testing.assert_array_equal(batch_h_n, h_n)
    gradients, batch_gradients = rnn.backward(y, h_n), batch_first.backward(batch_y, h_n)
    np.testing.assert_array_equal(batch_gradients.dx, gradients.dx.transpose(1, 0, 2))
    for layout in (rnn, batch_first):  # unbatched there is nothing to be first
        one_y, one_h_n = layout(x[:, 1], h0[:, 1], training=True)
        assert (one_y.shape, one_h_n.shape) == ((T, 2 * H), (4, H))
        np.testing.assert_allclose(one_y, y[:, 1], rtol=1e-12)
        np.testing.assert_allclose(one_h_n, h_n[:, 1], rtol=1e-12)
        gradients = layout.backward(one_y, one_h_n)
        assert (gradients.dx.shape, gradients.dh0.shape) == ((T, F), (4, H))


def test_what_stands_past_a_length_is_not_used():
    rnn = RNN(F, H, 2, bidirectional=True, dtype="float64", seed=1)
    past = np.arange(T)[:, None] >= LENGTHS
    dy = rng.standard_normal((T, B, 2 * H))
    results = []
    for filler in (0.0, np.nan):
        inputs, gradient = x.copy(), dy.copy()
        inputs[past] = gradient[past] = filler
        y, h_n = rnn(inputs, lengths=LENGTHS, training=True)
        results.append([y, h_n, *rnn.backward(gradient, h_n)[:2]])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not results[0][0][past].any()
    assert not results[0][2][past].any()


def test_a_sequence_of_length_0_keeps_its_state():
    rnn = RNN(F, H, 2, bidirectional=True, dtype="float64", seed=1)
    h0 = states(2, 2)
    y, h_n = rnn(x, h0, LENGTHS, training=True)
    assert not y[:, 2].any()
    np.testing.assert_array_equal(h_n[:, 2], h0[:, 2])
    dh_n = rng.standard_normal(h_n.shape)
    np.testing.assert_array_equal(rnn.backward(y, dh_n).dh0[:, 2], dh_n[:, 2])


def test_dropout_is_between_layers_and_in_training():
    """The second layer hands on its input: what it returns is the first's output, dropped out."""
    rnn = RNN(F, H, 2, "linear", bias=False, dropout=0.25, dtype="float64", seed=1)
    weights = rnn.state_dict()
    rnn.load_state_dict({**weights, "weight_ih_l1": np.eye(H), "weight_hh_l1": np.zeros((H, H))})
    inputs = rng.standard_normal((50, 40, F))
    kept, _ = rnn(inputs)
    ratio = rnn(inputs, training=True)[0] / kept
    dropped = ratio == 0
    np.testing.assert_allclose(ratio[~dropped], 4 / 3, rtol=1e-12)
    assert abs(dropped.mean() - 0.25) < 4 * math.sqrt(0.25 * 0.75 / dropped.size)
    assert (rnn(inputs, training=True)[0] != ratio * kept).any()  # other masks each time
    single = RNN(F, H, dropout=0.25, seed=1)
    inputs = inputs.astype(np.float32)
    np.testing.assert_array_equal(single(inputs, training=True)[0], single(inputs)[0])


def test_both_biases_have_the_gradient_of_their_sum():
    rnn = RNN(F, H, dtype="float64", seed=1)
    y, _ = rnn(x, training=True)
    gradients = rnn.backward(y).parameters
    np.testing.assert_array_equal(gradients["bias_ih_l0"], gradients["bias_hh_l0"])
    assert not np.may_share_memory(gradients["bias_ih_l0"], gradients["bias_hh_l0"])


def test_an_optimizer_trains_it():
    """Whether the next input is above 0 is known only to the way back."""
    rnn = RNN(1, 8, bidirectional=True, seed=1)
    optimizer = optimizers.Adam(learning_rate=0.02)
    optimizer.build(rnn.parameters)
    inputs = np.random.default_rng(1).standard_normal((8, 64, 1)).astype(np.float32)
    target = np.sign(np.roll(inputs, -1, axis=0))[:-1]
    losses = []
    for _ in range(60):
        y, _ = rnn(inputs, training=True)
        error = np.zeros_like(y)
        error[:-1, :, 8:9] = y[:-1, :, 8:9] - target
        losses.append(float((error**2).sum()))
        rnn.backward(error)
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]


def called(rnn=None, array=x, **arguments):
    return (rnn or RNN(F, H, 2, dtype="float64"))(array, **arguments)


def backward(dy=None, dh_n=None):
    rnn = RNN(F, H, dtype="float64")
    rnn(x, training=True)
    rnn.backward(dy, dh_n)


def load(**changes):
    rnn = RNN(F, H)
    rnn.load_state_dict({**rnn.state_dict(), **changes})


BAD = [
    (lambda: RNN(0, H), ValueError, "input_size: expected at least 1, got 0"),
    (lambda: RNN(F, 2.5), TypeError, "hidden_size: expected an integer, got 2.5"),
    (lambda: RNN(F, H, 0), ValueError, "num_layers: expected at least 1, got 0"),
    (lambda: RNN(F, H, 1, "gelu"), ValueError, "nonlinearity: expected one of tanh, .*got 'gelu'"),
    (lambda: RNN(F, H, bias=1), TypeError, "bias: expected a bool, got 1"),
    (lambda: RNN(F, H, batch_first="yes"), TypeError, "batch_first: expected a bool, got 'yes'"),
    (lambda: RNN(F, H, dropout=1.0), ValueError, "dropout: expected .*less than 1, got 1"),
    (lambda: RNN(F, H, bidirectional=2), TypeError, "bidirectional: expected a bool, got 2"),
    (lambda: RNN(F, H, dtype="float16"), ValueError, "dtype: expected one of float32, float64, got 'float16'"),
    (lambda: RNN(F, H, seed=-1), ValueError, "seed: expected at least 0, got -1"),
    (lambda: RNN(F, H, backend="tpu"), ValueError, "backend: expected one of auto, cpu, .*got 'tpu'"),
    (lambda: RNN(F, H, precision="low"), ValueError, "precision: expected one of highest, .*got 'low'"),
    (lambda: called(array=x[0, 0]), ValueError, r"x: expected \(seq_len, batch, input_size\), or .*got shape \(3,\)"),
    (
        lambda: called(RNN(F, H, batch_first=True), x[0, 0]),
        ValueError,
        r"x: expected \(batch, seq_len, input_size\), or .*got shape \(3,\)",
    ),
    (lambda: called(array=x[..., :2]), ValueError, r"x: expected shape \(6, 4, 3\), got \(6, 4, 2\)"),
    (lambda: called(array=x[:0]), ValueError, r"x: expected .* of at least 1 each, got \(0, 4, 3\)"),
    (lambda: called(array=x.astype(np.float32)), TypeError, "x: expected dtype float64, got float32"),
    (lambda: called(array=x.tolist()), TypeError, "x: expected a NumPy array or .*, got list"),
    (lambda: called(h0=np.zeros((1, B, H))), ValueError, r"h0: expected shape \(2, 4, 5\), got \(1, 4, 5\)"),
    (lambda: called(h0=np.zeros((2, B, H), np.float32)), TypeError, "h0: expected dtype float64, got float32"),
    (
        lambda: called(array=x[:, 0], h0=np.zeros((2, 1, H))),
        ValueError,
        r"h0: expected shape \(2, 5\), got \(2, 1, 5\)",
    ),
    (lambda: called(lengths=LENGTHS + 1), ValueError, r"lengths: expected values in 0\.\.6, got values in 1\.\.7"),
    (lambda: called(lengths=LENGTHS[:3]), ValueError, r"lengths: expected shape \(batch,\) = \(4,\), got \(3,\)"),
    (lambda: called(lengths=LENGTHS * 1.0), TypeError, "lengths: expected an integer dtype, got float64"),
    (
        lambda: called(array=x[:, 0], lengths=LENGTHS[:1]),
        ValueError,
        r"lengths: expected None for an unbatched x of shape \(6, 3\), got ",
    ),
    (lambda: RNN(F, H).backward(None), RuntimeError, "backward: expected a call with training=True before it"),
    (lambda: backward(np.zeros((T, B, F))), ValueError, r"dy: expected shape \(6, 4, 5\), got \(6, 4, 3\)"),
    (lambda: backward(np.zeros((T, B, H), np.float32)), TypeError, "dy: expected dtype float64, got float32"),
    (lambda: backward(dh_n=np.zeros((B, H))), ValueError, r"dh_n: expected shape \(1, 4, 5\), got \(4, 5\)"),
    (lambda: load(extra=np.zeros(1)), ValueError, r"state_dict: expected the names \['weight_ih_l0', .*, 'extra'\]"),
    (lambda: RNN(F, H).load_state_dict({}), ValueError, r"state_dict: expected the names \[.*\], got \[\]"),
    (lambda: load(weight_hh_l0=np.zeros(H)), ValueError, r"weight_hh_l0: expected shape \(5, 5\), got \(5,\)"),
    (lambda: load(bias_hh_l0=np.zeros(H, "U1")), TypeError, "bias_hh_l0: expected real numbers, got dtype <U1"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_bad_weights_change_nothing():
    rnn = RNN(F, H, seed=1)
    before = rnn.state_dict()
    with pytest.raises(ValueError, match="bias_hh_l0"):
        rnn.load_state_dict({**{name: np.zeros_like(array) for name, array in before.items()}, "bias_hh_l0": x})
    for name, array in rnn.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_it_speaks_dlpack():
    given = SimpleNamespace(__dlpack__=x.__dlpack__, __dlpack_device__=x.__dlpack_device__)
    rnn = RNN(F, H, dtype="float64", seed=1)
    np.testing.assert_array_equal(rnn(given)[0], rnn(x)[0])
