"""Saving and loading: the same bits afterwards, whatever the optimizer, and never half a file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import Sequential, load_model, losses, optimizers, weights
from rnnfast.callbacks import Callback, ModelCheckpoint
from rnnfast.constraints import MaxNorm, MinMaxNorm
from rnnfast.layers import ActivityRegularization, Dense, Dropout, Embedding, SimpleRNN, TiedDense
from rnnfast.metrics import AUC, Precision
from rnnfast.optimizers import SGD, Adam, AdamW, RMSprop
from rnnfast.regularizers import L1L2, OrthogonalRegularizer
from rnnfast.schedules import CosineDecay, ExponentialDecay, PiecewiseConstantDecay

rng = np.random.default_rng(0)
ids = rng.integers(0, 30, (50, 6))
labels = (ids[:, -1] > 14).astype(int)

OPTIMIZERS = {
    **optimizers.KNOWN,
    "sgd, momentum": lambda: SGD(0.1, momentum=0.9),
    "sgd, nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
    "rmsprop, momentum": lambda: RMSprop(0.01, momentum=0.9),
    "rmsprop, centered": lambda: RMSprop(0.01, momentum=0.5, centered=True, epsilon_inside=False, clipvalue=0.1),
    "rmsprop, as tensorflow 1": lambda: RMSprop(rho=0.9, epsilon=1e-10, initial_accumulator=1.0),
    "adamw, cosine": lambda: AdamW(CosineDecay(0.02, 20, warmup_target=0.05, warmup_steps=5), weight_decay=0.1),
    "rmsprop, momentum, decay": lambda: RMSprop(ExponentialDecay(0.02, 5, 0.5), momentum=0.9),
    "sgd, nesterov, steps": lambda: SGD(
        PiecewiseConstantDecay([10, 15], [0.2, 0.1, 0.05]), momentum=0.9, nesterov=True
    ),
    "adam, clipped": lambda: Adam(0.01, beta_1=0.8, global_clipnorm=0.5),
}


def classifier(optimizer="rmsprop", dtype="float32", metrics=("accuracy",)):
    """With more words than a batch has, so that rows of the table are owed updates, and with every kind of dropout."""
    model = Sequential(
        [
            Embedding(30, 5),
            SimpleRNN(4, return_sequences=True, dropout=0.2, recurrent_dropout=0.1),
            Dropout(0.3),
            SimpleRNN(4, "relu", zoneout=0.1, drop_connect=0.1, output_dropout=0.1, layer_norm=True),
            Dense(1, activation="sigmoid"),
        ],
        seed=0,
        dtype=dtype,
    )
    model.compile(optimizer, "binary_crossentropy", metrics)
    return model


def language_model(optimizer="adam", tied=False, **options):
    head = [TiedDense()] if tied else [Dropout(0.2), Dense(30)]
    model = Sequential([Embedding(30, 8), SimpleRNN(8, return_sequences=True, stateful=True), *head], seed=0, **options)
    model.compile(optimizer, losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def assert_same(first: Sequential, second: Sequential) -> None:
    """To the bit: weights, the optimizer's state, and what the generators would draw next."""
    for left, right in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    left, right = first.optimizer.state(), second.optimizer.state()
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name])
    assert first.shuffle_rng.random() == second.shuffle_rng.random()
    left, right = ([g.state for layer in model.layers for g in layer.generators()] for model in (first, second))
    assert left == right


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(name: str, dtype: str, tmp_path: Path) -> None:
    whole = classifier(OPTIMIZERS[name](), dtype)
    whole.fit(ids, labels, epochs=4, batch_size=8)

    stopped = classifier(OPTIMIZERS[name](), dtype)
    for epochs in (1, 3):
        stopped.fit(ids, labels, epochs=epochs, batch_size=8, initial_epoch=stopped.epochs_done)
        stopped.save(tmp_path / "model")
        stopped = load_model(tmp_path / "model")
        assert stopped.epochs_done == epochs
    history = stopped.fit(ids, labels, epochs=4, batch_size=8, initial_epoch=stopped.epochs_done)
    assert history.epoch == [3]
    assert_same(whole, stopped)
    assert [layer.generators()[0].state["counter"] > 0 for layer in stopped.layers] == [False, True, True, True, False]


def test_a_run_goes_on_from_what_a_callback_saved(tmp_path: Path) -> None:
    whole, stopped = classifier("nadam"), classifier("nadam")
    whole.fit(ids, labels, epochs=3, batch_size=8)
    stopped.fit(ids, labels, epochs=2, batch_size=8, callbacks=[ModelCheckpoint(tmp_path / "{epoch}")])
    for epoch in (1, 2):
        loaded = load_model(tmp_path / f"{epoch}")
        loaded.fit(ids, labels, epochs=3, batch_size=8, initial_epoch=loaded.epochs_done)
        assert loaded.optimizer.iterations == whole.optimizer.iterations
        for first, second in zip(whole.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["rmsprop, momentum", "adam"])
def test_saving_changes_nothing(name: str, tmp_path: Path) -> None:
    class Save(Callback):
        def on_train_batch_end(self, batch, logs):
            self.model.save(tmp_path / "model")

    plain, saving = classifier(OPTIMIZERS[name]()), classifier(OPTIMIZERS[name]())
    plain.fit(ids, labels, epochs=2, batch_size=8)
    saving.fit(ids, labels, epochs=2, batch_size=8, callbacks=[Save()])
    assert_same(plain, saving)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop, momentum"])
def test_a_stateful_model_stops_after_any_batch(optimizer: str, tied: bool, tmp_path: Path) -> None:
    text = rng.integers(0, 30, (4, 61))
    chunks = [(text[:, start : start + 10], text[:, start + 1 : start + 11]) for start in range(0, 60, 10)]
    whole, stopped = (language_model(OPTIMIZERS[optimizer](), tied) for _ in range(2))
    for chunk in chunks:
        whole.train_on_batch(*chunk)
        stopped.train_on_batch(*chunk)
        stopped.save(tmp_path / "model")
        stopped = load_model(tmp_path / "model")
    assert_same(whole, stopped)
    np.testing.assert_array_equal(whole.layers[1].state, stopped.layers[1].state)


def penalized(tied: bool = False) -> Sequential:
    """With every kind of penalty and constraint."""
    model = Sequential(
        [
            Embedding(30, 5, embeddings_regularizer=L1L2(0.01, 0.02), embeddings_constraint=MaxNorm(0.2, axis=1)),
            SimpleRNN(
                *(5, "relu"),
                return_sequences=tied,
                recurrent_regularizer=OrthogonalRegularizer(0.1),
                recurrent_constraint=MinMaxNorm(0.5, 1.5, 0.5, axis=(0,)),
                activity_regularizer="l2",
            ),
            ActivityRegularization(l1=0.01),
            TiedDense(bias_regularizer="l2") if tied else Dense(1, "sigmoid", kernel_constraint="unit_norm"),
        ],
        seed=0,
    )
    if tied:
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    else:
        model.compile("rmsprop", "binary_crossentropy", [AUC(50), "accuracy"], [Precision(0.25, name="p"), "accuracy"])
    return model


@pytest.mark.parametrize("tied", [False, True])
def test_penalties_and_constraints_go_on(tied: bool, tmp_path: Path) -> None:
    targets = ids if tied else labels
    whole, stopped = penalized(tied), penalized(tied)
    whole.fit(ids, targets, epochs=4, batch_size=8)
    stopped.fit(ids, targets, epochs=2, batch_size=8)
    stopped.save(tmp_path / "model")
    stopped = load_model(tmp_path / "model")
    stopped.fit(ids, targets, epochs=4, batch_size=8, initial_epoch=stopped.epochs_done)
    assert_same(whole, stopped)


def test_metrics_with_and_without_weights(tmp_path: Path) -> None:
    model, weight = penalized(), rng.random(50)
    model.fit(ids, labels, sample_weight=weight)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    expected = model.evaluate(ids, labels, sample_weight=weight, return_dict=True)
    assert list(expected) == ["loss", "auc", "accuracy", "p", "weighted_accuracy"]
    assert loaded.evaluate(ids, labels, sample_weight=weight, return_dict=True) == expected


def test_what_is_owed_is_paid_when_weights_are_read(tmp_path: Path) -> None:
    model = classifier(RMSprop(0.01, momentum=0.9))
    model.fit(ids[:8], labels[:8], batch_size=4)
    owed = model.layers[0].parameters[0].snapshot()
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    for first, second in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (owed != model.get_weights()[0]).any()


def test_predictions_and_evaluation_are_those_of_the_model(tmp_path: Path) -> None:
    model = classifier()
    model.fit(ids, labels, batch_size=20)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(ids), loaded.predict(ids))
    assert model.evaluate(ids, labels, return_dict=True) == loaded.evaluate(ids, labels, return_dict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_learning_rate_that_was_changed(tmp_path: Path) -> None:
    model = classifier()
    model.build()
    model.optimizer.learning_rate = 0.125
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").optimizer.learning_rate == 0.125


def test_a_layer_stays_frozen(tmp_path: Path) -> None:
    model = classifier()
    model.layers[0].trainable = False
    model.fit(ids, labels)
    kernel = model.get_weights()[1]
    model.layers[1].trainable = False  # takes effect at the next compile
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert [layer.trainable for layer in loaded.layers] == [False, False, True, True, True]
    for each in (model, loaded):
        each.fit(ids, labels)
    assert_same(model, loaded)
    assert (loaded.get_weights()[1] != kernel).any()


def test_a_model_that_is_not_compiled(tmp_path: Path) -> None:
    model = Sequential([SimpleRNN(3, input_shape=(None, 2)), Dense(1)], seed=1)
    model.build()
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    x = rng.standard_normal((4, 5, 2))
    np.testing.assert_array_equal(model.predict(x), loaded.predict(x))
    with pytest.raises(RuntimeError, match="not compiled"):
        loaded.fit(x, np.zeros(4))


def test_the_metadata_is_json_and_the_tensors_have_names(tmp_path: Path) -> None:
    model = language_model(SGD(0.1, momentum=0.5))
    model.train_on_batch(ids, ids)
    model.save(tmp_path / "model")
    tensors, metadata = weights.read(tmp_path / "model")
    document = json.loads(metadata["rnnfast"])
    assert document["model"]["config"]["layers"][0] == {
        "class": "layers.Embedding",
        "config": {
            **{"input_dim": 30, "output_dim": 8, "name": "embedding", "dtype": "float32", "input_shape": [None]},
            "embeddings_initializer": {
                "class": "initializers.RandomUniform",
                "config": {"minval": -0.05, "maxval": 0.05},
            },
            **{"embeddings_regularizer": None, "activity_regularizer": None, "embeddings_constraint": None},
            "mask_zero": False,
            "seed": {"entropy": 0, "spawn_key": [1]},
        },
    }
    assert document["compile"]["optimizer"]["config"]["momentum"] == 0.5
    assert tensors["weights/simple_rnn/kernel"].shape == (8, 8)
    assert tensors["states/simple_rnn/0"].shape == (50, 8)
    assert tensors["optimizer/iterations"] == 1


class Doubling(Dense):
    """A layer of somebody else."""

    def forward(self, x, training, mask=None):
        return 2 * super().forward(x, training)


def above_half(y_true, y_pred):
    return float(np.mean(y_pred > 0.5))


def test_custom_objects(tmp_path: Path) -> None:
    model = Sequential([Doubling(1, input_shape=(3,))], seed=0)
    model.compile("sgd", "mse", [above_half])
    x, y = rng.standard_normal((4, 3)), np.ones(4)
    model.fit(x, y)
    model.save(tmp_path / "model")
    known = {"Doubling": Doubling, "above_half": above_half}
    loaded = load_model(tmp_path / "model", known)
    assert loaded.evaluate(x, y) == model.evaluate(x, y)
    for name in known:
        others = {other: known[other] for other in known if other != name}
        with pytest.raises(ValueError, match=f"custom_objects: expected '{name}'"):
            load_model(tmp_path / "model", others)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "model"
    model = language_model()
    model.train_on_batch(ids, ids)
    model.save(path)
    return path.read_bytes()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_damaged_byte_goes_unnoticed(saved: bytes, tmp_path_factory: pytest.TempPathFactory, data) -> None:
    place = data.draw(st.integers(0, len(saved) - 1))
    flipped = data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "model"
    path.write_bytes(saved[:place] + bytes([saved[place] ^ flipped]) + saved[place + 1 :])
    with pytest.raises(ValueError, match="path: expected"):
        load_model(path)


WRONG_FILES = {
    "empty": (lambda saved: b"", "safetensors file"),
    "no safetensors": (lambda saved: b"<html>not found</html>", "safetensors file"),
    "cut short": (lambda saved: saved[:-1], "safetensors file"),
    "half": (lambda saved: saved[: len(saved) // 2], "safetensors file"),
    "longer": (lambda saved: saved + b"0", "safetensors file"),
    "another number": (lambda saved: saved.replace(b"0.001", b"0.002"), "damaged"),
    "another format": (lambda saved: saved.replace(rb"{\"format\": 2", rb"{\"format\": 3"), "damaged"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file(name: str, saved: bytes, tmp_path: Path) -> None:
    change, expected = WRONG_FILES[name]
    content = change(saved)
    assert content != saved
    (tmp_path / "model").write_bytes(content)
    with pytest.raises(ValueError, match=expected):
        load_model(tmp_path / "model")


def test_files_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(OSError, match=str(tmp_path)):
        load_model(tmp_path)
    model = classifier()
    model.build()
    model.save_weights(tmp_path / "weights")
    with pytest.raises(ValueError, match="has no architecture"):
        load_model(tmp_path / "weights")
    model.save(tmp_path / "model")
    other = Sequential([Embedding(30, 5), Dense(1)], seed=0)
    other.build()
    before = other.get_weights()
    with pytest.raises(ValueError, match="missing"):
        other.load_weights(tmp_path / "model")
    for first, second in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_what_cannot_be_saved_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="no weights before it is built"):
        Sequential([Dense(1)]).save(path)

    class Metric:
        def __call__(self, y_true, y_pred):
            return 0.0

    model = classifier(metrics=[Metric()])
    model.build()
    with pytest.raises(TypeError, match="metrics: expected"):
        model.save(path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


WRITER = """
import sys
import numpy as np
import rnnfast
from rnnfast.layers import Dense

model = rnnfast.Sequential([Dense(400, input_shape=(400,))], seed=0)
model.compile("adam", "mse")
x = np.ones((2, 400))
while True:
    model.train_on_batch(x, x)
    model.save(sys.argv[1])
    print("saved", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path, environment) -> None:
    """Killed at twelve moments: every file left is whole, and none is older than the last report."""
    path = tmp_path / "model"
    for delay in np.linspace(0, 0.02, 12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            env=environment,
            cwd=tmp_path,  # away from a checkout, whose package has no kernels
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for _ in range(3):
                assert process.stdout.readline() == "saved\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            reported = 3 + process.stdout.read().count("saved\n")
        assert process.returncode == -signal.SIGKILL
        steps = int(load_model(path).optimizer.iterations)
        assert reported <= steps <= reported + 1
