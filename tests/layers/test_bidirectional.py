import itertools

import numpy as np
import pytest

from rnnfast import Sequential, load_model
from rnnfast.layers import Bidirectional, Dense, Dropout, Embedding, SimpleRNN
from rnnfast.random_masks import MaskGenerator

MODES = ["concat", "sum", "mul", "ave", None]
MERGED = {
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: 0.5 * a + 0.5 * b,
}
RNN = {"bias_initializer": "normal"}
rng = np.random.default_rng(0)
x = rng.standard_normal((3, 4, 2))


def rnn_by_hand(steps, weights):
    """tanh states (B, T, units) over steps (B, T, I), in this order."""
    kernel, recurrent, bias = weights
    h, states = np.zeros((len(steps), len(bias))), []
    for t in range(steps.shape[1]):
        h = np.tanh(steps[:, t] @ kernel + h @ recurrent + bias)
        states.append(h)
    return np.stack(states, axis=1)


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_output_is_the_merge_of_two_by_hand(mode, sequences):
    layer = Bidirectional(SimpleRNN(5, return_sequences=sequences, **RNN), mode, dtype="float64", seed=1)
    y = layer(x)
    weights = layer.get_weights()
    forwards, backwards = rnn_by_hand(x, weights[:3]), rnn_by_hand(x[:, ::-1], weights[3:])[:, ::-1]
    a, b = (forwards, backwards) if sequences else (forwards[:, -1], backwards[:, 0])
    if mode is None:
        np.testing.assert_allclose(y[0], a, rtol=1e-12)
        np.testing.assert_allclose(y[1], b, rtol=1e-12)
    else:
        np.testing.assert_allclose(y, MERGED[mode](a, b), rtol=1e-12)
        assert layer.output_shape((None, 4, 2)) == (None, *y.shape[1:])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "dropout": 0.3, "recurrent_dropout": 0.2},
        {"return_sequences": True, "zoneout": 0.3, "drop_connect": 0.2, "output_dropout": 0.3, "layer_norm": True},
    ],
    ids=str,
)
def test_gradients(mode, options, numeric_gradient):
    layer = Bidirectional(SimpleRNN(3, **RNN, **options), mode, dtype="float64", seed=1)
    inputs = x.copy()
    y = layer(inputs)
    dy = rng.standard_normal((2, *y[0].shape) if mode is None else y.shape)

    def loss():
        for inner, seed in ((layer.forward_layer, 4), (layer.backward_layer, 5)):
            inner.masks = MaskGenerator(np.random.SeedSequence(seed))  # the same masks
        y = layer.forward(inputs, training=True)
        return sum(float((one * weight).sum()) for one, weight in zip(y, dy, strict=True))

    loss()
    dx = layer.backward(dy)
    np.testing.assert_allclose(dx, numeric_gradient(loss, inputs), atol=1e-7)
    assert len(layer.parameters) == (8 if "layer_norm" in options else 6)
    for parameter in layer.parameters:
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("mode", "sequences", "state"), [*itertools.product(MODES, [False, True], [False, True])])
def test_output_and_weights_are_those_of_keras(mode, sequences, state, keras):
    options = {"return_sequences": sequences, "return_state": state, "bias_initializer": "random_normal"}
    theirs = keras.layers.Bidirectional(keras.layers.SimpleRNN(5, **options, name="rnn"), merge_mode=mode, name="both")
    ours = Bidirectional(SimpleRNN(5, **{**options, **RNN}, name="rnn"), mode, name="both")
    inputs = x.astype(np.float32)
    initial = [rng.standard_normal((3, 5)).astype(np.float32) for _ in range(2)]
    theirs(inputs), ours(inputs)
    paths = [variable.path.replace("/simple_rnn_cell", "") for variable in theirs.weights]
    assert [f"both/{parameter.name}" for parameter in ours.parameters] == paths
    ours.set_weights(theirs.get_weights())
    for states in (None, initial):
        expected = keras.tree.flatten(theirs(inputs, initial_state=states))
        got = ours(inputs, initial_state=states)
        got = got if isinstance(got, list) else [got]
        assert len(got) == len(expected) == (2 if mode is None else 1) + 2 * state
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(one, np.asarray(other), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_backward_layer_of_its_own_as_in_keras(keras):
    """The layer that runs against time may be the first: then both outputs run against time, as Keras has it."""
    theirs = keras.layers.Bidirectional(
        keras.layers.SimpleRNN(5, go_backwards=True, return_sequences=True),
        backward_layer=keras.layers.SimpleRNN(5, "relu", return_sequences=True),
    )
    ours = Bidirectional(
        SimpleRNN(5, go_backwards=True, return_sequences=True),
        backward_layer=SimpleRNN(5, "relu", return_sequences=True),
    )
    inputs = x.astype(np.float32)
    expected = theirs(inputs)
    ours(inputs)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(inputs), np.asarray(expected), rtol=1e-4, atol=1e-6)


def test_directions_of_different_widths():
    layer = Bidirectional(SimpleRNN(5), backward_layer=SimpleRNN(2, go_backwards=True), dtype="float64")
    assert layer(x, training=True).shape == (3, 7)
    assert layer.output_shape((None, 4, 2)) == (None, 7)
    assert layer.backward(np.ones((3, 7))).shape == x.shape


def test_time_major_memory():
    layer = Bidirectional(SimpleRNN(5, return_sequences=True))
    assert layer(x).transpose(1, 0, 2).flags.c_contiguous


@pytest.mark.parametrize("seeds", [{"seed": 3}, {}], ids=str)
def test_directions_begin_and_drop_independently(seeds):
    layers = [Bidirectional(SimpleRNN(40, dropout=0.5, **seeds), dtype="float64") for _ in range(2)]
    for layer in layers:
        layer(np.ones((3, 4, 30)), training=True)
        forwards, backwards = layer.get_weights()[:2], layer.get_weights()[3:5]
        for one, other in zip(forwards, backwards, strict=True):
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.15
        assert (layer.forward_layer.dropped.input != layer.backward_layer.dropped.input).any()
    same = all(np.array_equal(*pair) for pair in zip(*(layer.get_weights() for layer in layers), strict=True))
    assert same == bool(seeds)


def test_the_layer_that_is_given_is_a_pattern():
    given = SimpleRNN(5, seed=1)
    given(x)
    before = given.get_weights()
    layer = Bidirectional(given)
    layer(x)
    for array in layer.get_weights():
        array[...] = 7
    layer.set_weights([np.full_like(array, 7) for array in layer.get_weights()])
    for array, expected in zip(given.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert given.name == "simple_rnn"


def test_stateful_directions_keep_a_state_each():
    layer = Bidirectional(SimpleRNN(5, stateful=True), None, dtype="float64", seed=1)
    first = layer(x)
    states = layer.get_states()
    for state, y in zip(states, first, strict=True):
        np.testing.assert_array_equal(state, y)
    second = layer(x)
    layer.set_states(states)
    np.testing.assert_array_equal(layer(x), second)
    layer.reset_states()
    assert layer.get_states() == []
    np.testing.assert_array_equal(layer(x), first)


def model_and_data(**options):
    model = Sequential(
        [
            Embedding(7, 3),
            Bidirectional(SimpleRNN(4, return_sequences=True, dropout=0.3)),
            Bidirectional(SimpleRNN(4, recurrent_dropout=0.2, **options), "mul"),
            Dropout(0.2),
            Dense(1, "sigmoid"),
        ],
        seed=5,
    )
    model.compile("adam", "binary_crossentropy")
    return model, rng.integers(0, 7, (12, 4)), rng.integers(0, 2, 12)


@pytest.mark.parametrize("stateful", [False, True])
def test_training_goes_on_from_a_file_to_the_same_bits(stateful, tmp_path):
    model, ids, labels = model_and_data(stateful=stateful)

    def train(each):
        for batch in np.split(np.arange(12), 3):
            each.train_on_batch(ids[batch], labels[batch])

    train(model)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.get_config() == model.get_config()
    for each in (model, loaded):
        train(each)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(model.layers[2].get_states(), loaded.layers[2].get_states(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_summary_and_weight_files(tmp_path):
    model, ids, _ = model_and_data()
    lines = []
    model.summary(lines.append)
    row = next(line for line in lines if line.startswith("bidirectional_1 (Bidirectional)"))
    assert row.split()[2:] == ["(None,", "4)", str(2 * (8 * 4 + 4 * 4 + 4))]
    model.save_weights(tmp_path / "weights.safetensors")
    expected = model.predict(ids)
    model.set_weights([np.zeros_like(array) for array in model.get_weights()])
    model.load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(model.predict(ids), expected)


def test_it_learns_what_one_direction_cannot_know():
    """Each step says what the next input is: only the way back has seen it."""
    inputs = np.random.default_rng(1).integers(0, 2, (256, 6, 1)).astype(np.float32)
    targets = np.roll(inputs, -1, axis=1)
    targets[:, -1] = 0

    def accuracy(rnn):
        model = Sequential([rnn, Dense(1, "sigmoid")], seed=1)
        model.compile("adam", "binary_crossentropy", ["binary_accuracy"])
        model.optimizer.learning_rate = 0.02
        model.fit(inputs, targets, epochs=25)
        return model.evaluate(inputs, targets)[1]

    rnn = SimpleRNN(8, return_sequences=True)
    assert accuracy(Bidirectional(rnn)) > 0.99
    assert accuracy(rnn) < 0.75


def backward(units=3, **options):
    return SimpleRNN(units, **{"go_backwards": True, **options})


BAD = [
    (lambda: Bidirectional(Dense(3)), TypeError, "layer: expected a SimpleRNN, got <"),
    (lambda: Bidirectional(SimpleRNN(3), "max"), ValueError, "merge_mode: expected one of concat, .*None, got 'max'"),
    (lambda: Bidirectional(SimpleRNN(3), ["sum"]), ValueError, r"merge_mode: expected one of .*got \['sum'\]"),
    (lambda: Bidirectional(SimpleRNN(3), "sum", Dense(3)), TypeError, "backward_layer: expected a SimpleRNN, got <"),
    (lambda: Bidirectional(backward()), ValueError, "go_backwards: expected False in backward_layer, .*got True"),
    (
        lambda: Bidirectional(SimpleRNN(3), "sum", SimpleRNN(3)),
        ValueError,
        "go_backwards: expected True in backward_layer, .*got False",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3), "sum", backward(4)),
        ValueError,
        "units: expected 3 in backward_layer, as in layer, got 4",
    ),
    *(
        (
            lambda option=option: Bidirectional(SimpleRNN(3), backward_layer=backward(**{option: True})),
            ValueError,
            f"{option}: expected False in backward_layer, as in layer, got True",
        )
        for option in ("return_sequences", "return_state", "stateful")
    ),
    (
        lambda: Bidirectional(SimpleRNN(3, dtype="float64"), dtype="float32"),
        ValueError,
        "dtype: expected float32 in layer too, got float64",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3, dtype="float64"), backward_layer=backward(dtype="float32")),
        ValueError,
        "dtype: expected float64 in backward_layer too, got float32",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3, activity_regularizer="l2")),
        ValueError,
        "activity_regularizer: expected None in layer, .*got L2",
    ),
    (lambda: Bidirectional(SimpleRNN(3), name="a/b"), ValueError, "name: expected .*without '/', got 'a/b'"),
    (lambda: Bidirectional(SimpleRNN(3))(x[0]), ValueError, r"x: SimpleRNN expected .*got shape \(4, 2\)"),
    (lambda: Bidirectional(SimpleRNN(3))(x.astype(str)), TypeError, "x: expected real numbers, got dtype"),
    (
        lambda: Bidirectional(SimpleRNN(3))(x, initial_state=np.zeros((3, 3))),
        ValueError,
        "initial_state: expected a pair of arrays, .*got array",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3))(x, initial_state=[np.zeros((3, 3)), np.zeros((3, 4))]),
        ValueError,
        r"initial_state: expected shapes \[\(3, 3\), \(3, 3\)\], got \[\(3, 3\), \(3, 4\)\]",
    ),
    (
        lambda: Sequential([Bidirectional(SimpleRNN(3), None)]),
        ValueError,
        "merge_mode: expected one of concat, sum, mul, ave for 'bidirectional' in a Sequential, .*got None",
    ),
    (
        lambda: Sequential([Bidirectional(SimpleRNN(3, return_state=True))]),
        ValueError,
        "return_state: expected False for 'forward_simple_rnn' in a Sequential",
    ),
    (
        lambda: Sequential([Bidirectional(SimpleRNN(3, dtype="float64"))]),
        ValueError,
        "dtype: expected the model's float32 in layer 'forward_simple_rnn', got float64",
    ),
    (
        lambda: Sequential([Bidirectional(SimpleRNN(3, stateful=True))]).predict(x, batch_size=2),
        ValueError,
        "batch_size: stateful 'bidirectional' expected one that divides the 3 samples, got 2",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_stateful_batch_of_another_size_is_named():
    layer = Bidirectional(SimpleRNN(3, stateful=True))
    layer(x)
    with pytest.raises(ValueError, match="stateful 'forward_simple_rnn' keeps the state of 3 sequences, got a batch"):
        layer(x[:2])


def test_bad_weights_change_nothing():
    layer = Bidirectional(SimpleRNN(3), seed=1)
    layer(x)
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"bidirectional/backward_simple_rnn/bias: expected shape \(3,\), got \(4,\)"):
        layer.set_weights([*(np.zeros_like(array) for array in before[:5]), np.zeros(4)])
    for array, expected in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, expected)
