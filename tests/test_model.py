import math

import numpy as np
import pytest
from small_models import ids, labels, language_model, sentiment

from rnnfast import Sequential
from rnnfast.initializers import Constant, Identity, RandomNormal, RandomUniform, TruncatedNormal
from rnnfast.layers import Dense, Dropout, Embedding, SimpleRNN
from rnnfast.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from rnnfast.optimizers import SGD, Adam, RMSprop


def test_summary_of_the_imdb_model(capsys):
    model = Sequential()
    model.add(Embedding(20000, 50))
    model.add(
        SimpleRNN(
            5,
            kernel_initializer=RandomNormal(stddev=0.001),
            recurrent_initializer=Identity(gain=1.0),
            activation="relu",
            input_shape=(30,),
        )
    )
    model.add(Dense(1, activation="sigmoid"))
    model.summary()
    lines = capsys.readouterr().out.splitlines()
    cells = [line.split() for line in lines]
    assert ["embedding", "(Embedding)", "(None,", "None,", "50)", "1,000,000"] in cells
    assert ["simple_rnn", "(SimpleRNN)", "(None,", "5)", "280"] in cells
    assert ["dense", "(Dense)", "(None,", "1)", "6"] in cells
    assert "Total params: 1,000,286" in lines
    assert model.count_params() == 1000286


MODELS = {
    "last state, sigmoid": (lambda: [SimpleRNN(3), Dense(1, "sigmoid")], "binary_crossentropy", "binary"),
    "every step, softmax": (
        lambda: [SimpleRNN(3, return_sequences=True, go_backwards=True), Dense(4, "softmax")],
        SparseCategoricalCrossentropy(steps="sum"),
        "steps",
    ),
    "two layers": (
        lambda: [SimpleRNN(3, return_sequences=True, go_backwards=True), SimpleRNN(2), Dense(4)],
        CategoricalCrossentropy(from_logits=True),
        "one-hot",
    ),
    "not fused": (lambda: [SimpleRNN(3), Dense(2, "softmax"), Dense(1, "sigmoid")], "mse", "binary"),
    "tanh below": (lambda: [SimpleRNN(3, "linear"), Dense(1, "tanh"), Dense(4, "softmax")], "mse", "one-hot"),
}


@pytest.mark.parametrize("case", MODELS)
def test_gradients_of_the_whole_model(case, numeric_gradient):
    layers, loss, kind = MODELS[case]
    model = Sequential([Embedding(30, 3, RandomUniform(minval=-1, maxval=1)), *layers()], dtype="float64", seed=0)
    model.compile(SGD(0.0), loss)
    x = ids[:4]
    y = {
        "binary": labels[:4],
        "steps": x % 4,
        "one-hot": np.eye(4)[x[:, 0] % 4],
    }[kind]
    assert model.train_on_batch(x, y) == pytest.approx(model.test_on_batch(x, y))
    dense = model.optimizer._dense
    for parameter, gradient in zip(dense.parameters, dense.gradients, strict=True):
        expected = numeric_gradient(lambda: model.test_on_batch(x, y), parameter.value)
        np.testing.assert_allclose(parameter.gradient, expected, atol=1e-7)
        assert gradient.shape == expected.shape
    table = model.layers[0].parameters[0]
    dense_gradient = np.zeros_like(table.value)
    np.add.at(dense_gradient, *table.gradient)
    expected = numeric_gradient(lambda: model.test_on_batch(x, y), table.value)
    np.testing.assert_allclose(dense_gradient, expected, atol=1e-7)
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize("optimizer", [SGD(0.5), SGD(0.1, momentum=0.9), RMSprop(0.01), RMSprop(0.01, momentum=0.5)])
def test_it_learns(optimizer):
    history = sentiment(optimizer=optimizer).fit(ids, labels, epochs=60, batch_size=16).history
    assert history["loss"][-1] < 0.3 < 0.5 < history["loss"][0]
    assert history["accuracy"][-1] > 0.9


def sms(seed):
    model = Sequential(
        [
            Embedding(31, 8, RandomUniform(minval=-1, maxval=1)),
            SimpleRNN(6),
            Dropout(0.5),
            Dense(2, kernel_initializer=TruncatedNormal(stddev=0.1), bias_initializer=Constant(0.1)),
        ],
        seed=seed,
    )
    tf1 = RMSprop(5e-4, rho=0.9, epsilon=1e-10, initial_accumulator=1.0)
    model.compile(tf1, SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    return model


@pytest.mark.parametrize(
    "make",
    [
        sentiment,
        sms,
        lambda seed: sentiment(seed, SGD(0.1, momentum=0.9, clipnorm=1.0), dropout=0.2, recurrent_dropout=0.2),
    ],
)
def test_a_seed_makes_a_run_reproducible_to_the_bit(make):
    runs = []
    for seed in (7, 7, 8):
        np.random.seed(seed)  # noqa: NPY002  the global generator must not matter
        model = make(seed)
        history = model.fit(ids, labels, epochs=2, batch_size=8).history
        runs.append((model.get_weights(), history))
    for first, second in zip(runs[0][0], runs[1][0], strict=True):
        np.testing.assert_array_equal(first, second)
    assert runs[0][1] == runs[1][1]
    assert runs[0][1] != runs[2][1]


def test_dropping_out_does_not_move_the_other_draws():
    """Initial weights and the order of the samples depend on the seed alone."""
    plain, dropping = sentiment(3), sentiment(3, dropout=0.5)
    for model in (plain, dropping):
        model.build()
    for first, second in zip(plain.get_weights(), dropping.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    for model in (plain, dropping):
        model.fit(ids, labels)
    assert plain.shuffle_rng.random() == dropping.shuffle_rng.random()


def seen_batches(monkeypatch, **options):
    """The samples of every step of a fit, on x = 0..9."""
    seen = []
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    step = model.train_step

    def spy(data):
        seen.append(data.x[:, 0].astype(int).tolist())
        np.testing.assert_array_equal(data.y, data.x * 10)
        return step(data)

    monkeypatch.setattr(model, "train_step", spy)
    x = np.arange(10.0)[:, None]
    history = model.fit(x, x * 10, **options)
    return seen, history


def test_the_last_batch_is_smaller_and_never_empty(monkeypatch):
    assert seen_batches(monkeypatch, batch_size=4, shuffle=False)[0] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert seen_batches(monkeypatch, batch_size=5, shuffle=False)[0] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert seen_batches(monkeypatch, batch_size=99, shuffle=False)[0] == [list(range(10))]


def test_shuffling_makes_a_new_order_each_epoch(monkeypatch):
    seen, _ = seen_batches(monkeypatch, batch_size=10, epochs=2)
    assert sorted(seen[0]) == sorted(seen[1]) == list(range(10))
    assert seen[0] != seen[1] != list(range(10)) != seen[0]


def test_validation_split_takes_the_end_before_shuffling(monkeypatch):
    seen, history = seen_batches(monkeypatch, batch_size=10, epochs=3, validation_split=0.25)
    for batch in seen:
        assert sorted(batch) == list(range(7))  # floor(10 * 0.75)
    assert list(history.history) == ["loss", "val_loss"]
    assert [len(values) for values in history.history.values()] == [3, 3]


def test_metrics_are_means_while_the_weights_move():
    """Each batch counts with its samples and with the weights before its step."""
    model, other = sentiment(), sentiment()
    history = model.fit(ids, labels, batch_size=20, shuffle=False).history
    batches = [slice(0, 20), slice(20, 40), slice(40, 50)]
    values = np.array([other.train_on_batch(ids[batch], labels[batch]) for batch in batches])
    expected = np.average(values, axis=0, weights=[20, 20, 10])
    np.testing.assert_allclose([history["loss"][0], history["accuracy"][0]], expected, rtol=1e-12)


def test_evaluate_is_the_mean_over_all_samples():
    model = sentiment(metrics=["accuracy", "mse"], dtype="float64")
    model.fit(ids, labels, epochs=20)
    p = model.predict(ids, batch_size=7)
    assert p.shape == (50, 1)
    expected = {
        "loss": -np.mean(np.log(np.where(labels, p[:, 0], 1 - p[:, 0]))),
        "accuracy": np.mean((p[:, 0] > 0.5) == labels),
        "mse": np.mean((p[:, 0] - labels) ** 2),
    }
    for batch_size in (7, 50):
        assert model.evaluate(ids, labels, batch_size=batch_size, return_dict=True) == pytest.approx(expected)
    assert model.evaluate(ids, labels) == pytest.approx(list(expected.values()))
    assert model.test_on_batch(ids, labels) == pytest.approx(list(expected.values()))
    assert model.metrics_names == list(expected)
    np.testing.assert_allclose(model.predict_on_batch(ids), p, rtol=1e-12)


@pytest.mark.parametrize("from_logits", [False, True])
def test_accuracy_follows_the_loss(from_logits):
    logits = np.array([[-1.0, 3.0], [0.3, -2.0], [0.2, 0.4], [5.0, 1.0]])
    classes = np.array([1, 0, 0, 1])

    def accuracy(loss, y, units, activation):
        model = Sequential([Dense(units, None if from_logits else activation, use_bias=False)], dtype="float64")
        model.compile("sgd", loss(from_logits=from_logits), ["accuracy"])
        model.build((None, 2))
        model.set_weights([np.eye(2)[:, :units]])
        return model.evaluate(logits, y, return_dict=True)["accuracy"]

    assert accuracy(SparseCategoricalCrossentropy, classes, 2, "softmax") == 0.5
    assert accuracy(CategoricalCrossentropy, np.eye(2)[classes], 2, "softmax") == 0.5
    assert accuracy(BinaryCrossentropy, [0, 0, 1, 1], 1, "sigmoid") == 0.75


def test_a_function_as_metric_sees_probabilities():
    def above_one(y_true, y_pred):
        assert y_true.shape == y_pred.shape
        return np.max(np.abs(y_pred)) > 1

    model = sentiment(metrics=[above_one])
    assert model.evaluate(ids, labels, return_dict=True)["above_one"] == 0


def test_a_second_fit_goes_on_from_the_first():
    whole, halves = sentiment(optimizer=SGD(0.1, momentum=0.9)), sentiment(optimizer=SGD(0.1, momentum=0.9))
    whole.fit(ids, labels, epochs=4)
    halves.fit(ids, labels, epochs=2)
    history = halves.fit(ids, labels, epochs=4, initial_epoch=2)
    assert history.epoch == [2, 3]
    assert halves.optimizer.iterations == whole.optimizer.iterations == 8
    for first, second in zip(whole.get_weights(), halves.get_weights(), strict=True):
        # reading the weights half-way settles the table's momentum in two steps in place of one
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-7)


def test_lazy_rows_are_what_dense_updates_would_have_made():
    """Two models, one with a table updated densely; predictions agree all along, weights at the end."""
    lazy = sentiment(optimizer=RMSprop(0.01, momentum=0.9), dtype="float64")
    dense = sentiment(optimizer=RMSprop(0.01, momentum=0.9), dtype="float64")
    dense.build()
    dense.layers[0].parameters[0].sparse = False
    step = dense.optimizer.step

    def scatter_and_step():
        table = dense.layers[0].parameters[0]
        gradient = np.zeros_like(table.value)
        np.add.at(gradient, *table.gradient)
        table.gradient = gradient
        step()

    dense.optimizer.step = scatter_and_step
    for model in (lazy, dense):
        model.history = model.fit(ids, labels, epochs=3, batch_size=5).history
    np.testing.assert_allclose(lazy.history["loss"], dense.history["loss"], rtol=1e-10)
    for first, second in zip(lazy.get_weights(), dense.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)


def test_a_layer_that_is_not_trainable_keeps_its_weights(capsys):
    model = sentiment()
    model.layers[0].trainable = False
    before = model.layers[0]
    model.fit(ids, labels)
    weights = [array.copy() for array in model.get_weights()]
    model.fit(ids, labels)
    np.testing.assert_array_equal(before.get_weights()[0], weights[0])
    assert not (model.get_weights()[1] == weights[1]).all()
    model.summary()
    assert "Non-trainable params: 150" in capsys.readouterr().out


def test_truncated_bptt_over_consecutive_chunks():
    """The state crosses chunks, batch by batch, and the loss over all steps goes down."""
    text = np.tile(np.arange(11), 60)[: 4 * 120 + 1]
    x, y = text[:-1].reshape(4, 120), text[1:].reshape(4, 120)
    model = language_model()
    for _ in range(10):
        model.reset_states()
        losses = [model.train_on_batch(x[:, t : t + 12], y[:, t : t + 12])[0] for t in range(0, 120, 12)]
    assert losses[-1] < 0.3
    model.reset_states()
    whole = model.predict(x)
    assert whole.shape == (4, 120, 11)
    model.reset_states()
    parts = [model.predict_on_batch(x[:, t : t + 40]) for t in (0, 40, 80)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-5)
    assert np.mean(whole.argmax(axis=-1) == y) > 0.95


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weights_round_trip_through_a_file(tmp_path, momentum):
    model = sentiment(optimizer=RMSprop(momentum=momentum))
    model.fit(ids, labels)
    path = tmp_path / "weights.safetensors"
    model.save_weights(path)
    other = sentiment(seed=5)
    other.load_weights(path)
    for first, second in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(model.predict(ids), other.predict(ids))
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]


def test_the_file_has_the_names_and_shapes_of_keras(tmp_path):
    from safetensors.numpy import load_file

    model = sentiment()
    model.build()
    model.save_weights(tmp_path / "w")
    tensors = load_file(tmp_path / "w")
    assert {name: array.shape for name, array in tensors.items()} == {
        "embedding/embeddings": (30, 5),
        "simple_rnn/kernel": (5, 4),
        "simple_rnn/recurrent_kernel": (4, 4),
        "simple_rnn/bias": (4,),
        "dense/kernel": (4, 1),
        "dense/bias": (1,),
    }
    np.testing.assert_array_equal(tensors["simple_rnn/kernel"], model.layers[1].get_weights()[0])


def test_a_failed_save_keeps_the_file_that_is_there(tmp_path, monkeypatch):
    model = sentiment()
    model.build()
    path = tmp_path / "w"
    path.write_bytes(b"before")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        model.save_weights(path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def corrupt(path):
    path.write_bytes(path.read_bytes()[:-7])


def garbage(path):
    path.write_bytes(b"\x80\x04" * 50)


def replace(path, name, change):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path)
    tensors[name] = change(tensors[name])
    save_file({key: array for key, array in tensors.items() if array is not None}, path)


def extra(path):
    from safetensors.numpy import load_file, save_file

    save_file({**load_file(path), "more": np.zeros(1)}, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (corrupt, "expected a safetensors file"),
        (garbage, "expected a safetensors file"),
        (lambda path: path.write_bytes(b""), "expected a safetensors file"),
        (lambda path: replace(path, "dense/bias", lambda a: None), r"missing \['dense/bias'\], unknown \[\]"),
        (extra, r"unknown \['more'\]"),
        (
            lambda path: replace(path, "dense/bias", lambda a: np.zeros(2, np.float32)),
            r"expected dense/bias of shape \(1,\) and dtype float32 .*got \(2,\) and float32",
        ),
        (lambda path: replace(path, "dense/bias", lambda a: a.astype(np.float64)), "got .* and float64"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(tmp_path, damage, message):
    path = tmp_path / "weights"
    saved = sentiment(seed=1)
    saved.build()
    saved.save_weights(path)
    damage(path)
    model = sentiment(seed=2)
    model.build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"path: .*{message}"):
        model.load_weights(path)
    for first, second in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(first, second)


def test_building_names_and_input_shapes():
    model = Sequential([SimpleRNN(3, return_sequences=True, input_shape=(None, 2)), SimpleRNN(2), Dense(1, name="out")])
    assert [layer.name for layer in model.layers] == ["simple_rnn", "simple_rnn_1", "out"]
    assert not model.built
    assert model.count_params() == 2 * 3 + 9 + 3 + 3 * 2 + 4 + 2 + 2 + 1
    assert model.built
    late = Sequential([Dense(2)])
    late.compile("sgd", "mse")
    late.fit(np.ones((4, 3)), np.ones((4, 2)))
    assert [array.shape for array in late.get_weights()] == [(3, 2), (2,)]


def test_compiling_again_keeps_the_weights_and_forgets_the_optimizer():
    model = sentiment(optimizer=SGD(0.1, momentum=0.9))
    model.fit(ids, labels)
    weights = model.get_weights()
    model.compile(Adam(), "binary_crossentropy")
    assert model.layers[0].parameters[0].settle is None
    for first, second in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(first, second)
    model.fit(ids, labels)
    assert model.optimizer.iterations == math.ceil(50 / 32)
