import numpy as np
import pytest

from rnnfast import Sequential, load_model
from rnnfast.layers import (
    ActivityRegularization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    SimpleRNN,
    TiedDense,
    TimeDistributed,
)

rng = np.random.default_rng(0)
frames = rng.standard_normal((3, 4, 5))
series = rng.standard_normal((3, 4, 5, 2))
sentences = rng.integers(0, 7, (3, 4, 5))
KINDS = {
    "Dense": (lambda: Dense(2, "tanh", bias_initializer="normal"), frames),
    "Dense on sequences": (lambda: Dense(3, "sigmoid"), series),
    "Dropout": (lambda: Dropout(0.4), frames),
    "Embedding": (lambda: Embedding(7, 3), sentences),
    "SimpleRNN": (lambda: SimpleRNN(3, dropout=0.2), series),
    "SimpleRNN with sequences": (lambda: SimpleRNN(3, return_sequences=True, go_backwards=True), series),
    "Bidirectional": (lambda: Bidirectional(SimpleRNN(3, return_sequences=True), "mul"), series),
    "TimeDistributed": (lambda: TimeDistributed(Dense(3)), series),
}


@pytest.mark.parametrize("kind", KINDS)
def test_output_is_the_layer_s_at_every_step(kind):
    make, x = KINDS[kind]
    wrapper = TimeDistributed(make(), dtype="float64", seed=1)
    y = wrapper(x)
    expected = np.stack([wrapper.layer(x[:, t]) for t in range(x.shape[1])], axis=1)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    assert wrapper.output_shape((None, *x.shape[1:])) == (None, *y.shape[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind, numeric_gradient):
    make, x = KINDS[kind]
    x = x.copy()
    wrapper = TimeDistributed(make(), dtype="float64", seed=1)
    dy = rng.standard_normal(wrapper(x).shape)
    fresh = [generator.state for generator in wrapper.generators()]

    def loss():
        for generator, state in zip(wrapper.generators(), fresh, strict=True):
            generator.state = state  # the same masks every time
        return float((wrapper.forward(x, training=True) * dy).sum())

    loss()
    dx = wrapper.backward(dy)
    if x is not sentences and x.dtype == np.float64:
        np.testing.assert_allclose(dx, numeric_gradient(loss, x), atol=1e-7)
    for parameter in wrapper.parameters:
        gradient = parameter.gradient
        if parameter.sparse:
            gradient = np.zeros_like(parameter.value)
            np.add.at(gradient, parameter.gradient.ids, parameter.gradient.values)
        np.testing.assert_allclose(gradient, numeric_gradient(loss, parameter.value), atol=1e-7)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "arguments", "x"),
    [
        ("Dense", (2, "tanh"), frames),
        ("Embedding", (7, 3), sentences),
        ("SimpleRNN", (3,), series),
    ],
)
def test_output_and_weights_are_those_of_keras(kind, arguments, x, keras):
    x = x if x is sentences else x.astype(np.float32)
    theirs = keras.layers.TimeDistributed(getattr(keras.layers, kind)(*arguments, name="each"), name="all")
    ours = TimeDistributed(globals()[kind](*arguments, name="each"), name="all")
    theirs(x), ours(x)
    paths = [variable.path.replace("/simple_rnn_cell", "") for variable in theirs.weights]
    assert [f"all/{parameter.name}" for parameter in ours.parameters] == paths
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=1e-4, atol=1e-6)


def test_dropout_has_a_mask_for_every_step():
    y = TimeDistributed(Dropout(0.5), seed=1)(np.ones((20, 2, 30)), training=True)
    assert set(np.unique(y)) == {0, 2}
    assert 0.4 < np.mean(y[:, 0] == y[:, 1]) < 0.6


def test_time_major_memory_stays_as_it_is():
    memory = np.ones((4, 3, 5), np.float32)
    wrapper = TimeDistributed(Dropout(0.5))
    y = wrapper.forward(memory.transpose(1, 0, 2), False)
    assert np.shares_memory(y, memory)
    assert TimeDistributed(Dense(2))(frames).transpose(1, 0, 2).flags.c_contiguous


def hierarchical():
    """A text of sentences of words: words to a vector for each sentence, these to one for the text."""
    model = Sequential(
        [
            TimeDistributed(Embedding(7, 3)),
            TimeDistributed(Bidirectional(SimpleRNN(4, dropout=0.2))),
            TimeDistributed(Dropout(0.3)),
            SimpleRNN(4),
            Dense(1, "sigmoid"),
        ],
        seed=5,
    )
    model.compile("adam", "binary_crossentropy")
    return model


def test_training_goes_on_from_a_file_to_the_same_bits(tmp_path):
    model, ids, labels = hierarchical(), rng.integers(0, 7, (12, 4, 5)), rng.integers(0, 2, 12)
    model.fit(ids, labels, batch_size=5, epochs=2)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.get_config() == model.get_config()
    for each in (model, loaded):
        each.fit(ids, labels, batch_size=5, epochs=4, initial_epoch=2)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_around_dense_a_model_trains_as_with_dense():
    x, y = frames.astype(np.float32), rng.standard_normal((3, 4, 2))
    models = [Sequential([layer], seed=1) for layer in (Dense(2), TimeDistributed(Dense(2)))]
    for model in models:
        model.build(x.shape)
        model.set_weights([np.ones((5, 2)), np.zeros(2)])
        model.compile("sgd", "mse")
        model.fit(x, y, epochs=3, shuffle=False)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_input_shape_is_taken_over_from_the_layer():
    assert hierarchical().summary(lambda line: None) is None
    assert TimeDistributed(Dense(2, input_shape=(5,))).input_shape == (None, 5)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TimeDistributed(3), TypeError, "layer: expected a Layer, got 3"),
        (
            lambda: TimeDistributed(SimpleRNN(3, stateful=True)),
            ValueError,
            "layer: expected another stateful inside TimeDistributed, got True",
        ),
        (
            lambda: TimeDistributed(SimpleRNN(3, return_state=True)),
            ValueError,
            "layer: expected another return_state inside TimeDistributed, got True",
        ),
        (
            lambda: TimeDistributed(Bidirectional(SimpleRNN(3), None)),
            ValueError,
            "layer: expected another merge_mode inside TimeDistributed, got None",
        ),
        (
            lambda: TimeDistributed(TiedDense()),
            ValueError,
            "layer: expected one that shares no weights, got TiedDense",
        ),
        (
            lambda: TimeDistributed(ActivityRegularization(0.1)),
            ValueError,
            "activity_regularizer: expected None in layer, .*got L1L2",
        ),
        (
            lambda: TimeDistributed(Dense(3, dtype="float64"), dtype="float32"),
            ValueError,
            "dtype: expected float32 in layer too, got float64",
        ),
        (lambda: TimeDistributed(Dense(3), seed=-1), ValueError, "seed: expected at least 0, got -1"),
        (
            lambda: TimeDistributed(Dense(3))(frames[0]),
            ValueError,
            r"x: TimeDistributed expected \(batch, time, ...\) of at least 3 axes, got shape \(4, 5\)",
        ),
        (lambda: TimeDistributed(SimpleRNN(3))(frames), ValueError, r"x: SimpleRNN expected .*got shape \(3, 5\)"),
        (
            lambda: TimeDistributed(Dense(3))(frames[:, :0]),
            ValueError,
            r"x: expected at least 1 along every axis, got shape \(3, 0, 5\)",
        ),
        (lambda: TimeDistributed(Embedding(7, 2))(series[..., 0]), TypeError, "x: Embedding expected integers"),
        (lambda: TimeDistributed(Embedding(3, 2))(sentences), ValueError, r"x: Embedding expected integers in 0\.\.2"),
        (
            lambda: Sequential([Embedding(7, 2), TimeDistributed(Embedding(7, 2))]),
            ValueError,
            "layer: TimeDistributed 'time_distributed' takes integers, and can only be the first of a model",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
