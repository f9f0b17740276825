import numpy as np
import pytest

from rnnfast import Sequential, load_model
from rnnfast.callbacks import Callback, LambdaCallback, ModelCheckpoint, checkpoint
from rnnfast.layers import Dense

x = np.random.default_rng(0).standard_normal((10, 3))
y = (x.sum(axis=1) > 0).astype(int)


def model(seed=0):
    m = Sequential([Dense(1, "sigmoid", input_shape=(3,))], seed=seed)
    m.compile("sgd", "binary_crossentropy", ["accuracy"])
    return m


class Course(Callback):
    """Replaces the loss by given values, and keeps the weights of each epoch."""

    def __init__(self, values):
        self.values, self.weights = values, []

    def on_epoch_end(self, epoch, logs):
        logs["loss"] = self.values[epoch]
        self.weights.append(self.model.get_weights()[0])


def saved(path):
    return load_model(path).get_weights()[0]


def test_a_file_for_each_epoch_with_its_logs_in_the_name(tmp_path):
    course = Course([0.25, 0.125])
    template = tmp_path / "run" / "{epoch:02d}-{loss:.3f}.safetensors"
    model().fit(x, y, epochs=2, callbacks=[course, ModelCheckpoint(template)])
    names = ["01-0.250.safetensors", "02-0.125.safetensors"]
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == names
    for name, weights in zip(names, course.weights, strict=True):
        np.testing.assert_array_equal(saved(tmp_path / "run" / name), weights)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, 2),
        ({"save_best_only": True}, 1),
        ({"save_best_only": True, "mode": "max"}, 0),
        ({"save_best_only": True, "initial_value_threshold": 0.5}, None),
        ({"save_best_only": True, "initial_value_threshold": 2}, 1),
    ],
)
def test_which_epoch_is_kept(tmp_path, options, kept):
    course = Course([3, 1, 2])
    path = tmp_path / "best"
    model().fit(x, y, epochs=3, callbacks=[course, ModelCheckpoint(path, "loss", **options)])
    if kept is None:
        assert not path.exists()
    else:
        np.testing.assert_array_equal(saved(path), course.weights[kept])


def test_weights_alone(tmp_path):
    m, path = model(), tmp_path / "weights"
    m.fit(x, y, callbacks=[ModelCheckpoint(path, save_weights_only=True)])
    with pytest.raises(ValueError, match="has no architecture"):
        load_model(path)
    other = model(seed=5)
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[0], m.get_weights()[0])


def test_a_model_that_cannot_be_saved_is_not_trained(tmp_path):
    class Half:
        def __call__(self, y_true, y_pred):
            return 0.5

    m = model()
    m.compile("sgd", "binary_crossentropy", [Half()])
    with pytest.raises(TypeError, match="metrics: expected"):
        m.fit(x, y, callbacks=[ModelCheckpoint(tmp_path / "model")])
    assert m.optimizer.iterations == 0
    m.fit(x, y, callbacks=[ModelCheckpoint(tmp_path / "model", save_weights_only=True)])


def test_every_so_many_batches_over_epochs(tmp_path):
    after = []
    keep = LambdaCallback(on_train_batch_end=lambda batch, logs: after.append(m.get_weights()[0]))
    m = model()
    m.fit(x, y, batch_size=4, epochs=3, callbacks=[keep, ModelCheckpoint(tmp_path / "{epoch}", save_freq=4)])
    # three batches an epoch: saved after the fourth and the eighth
    assert sorted(file.name for file in tmp_path.iterdir()) == ["2", "3"]
    np.testing.assert_array_equal(saved(tmp_path / "2"), after[3])
    np.testing.assert_array_equal(saved(tmp_path / "3"), after[7])


def test_a_failed_save_keeps_the_last_file(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    model().fit(x, y, callbacks=[ModelCheckpoint(path)])
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        model().fit(x, y, callbacks=[ModelCheckpoint(path)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_without_safetensors(monkeypatch):
    monkeypatch.setattr(checkpoint, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'rnnfast\[train\]'"):
        ModelCheckpoint("x")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ModelCheckpoint("x", save_freq=0), ValueError, "save_freq: expected at least 1, got 0"),
        (lambda: ModelCheckpoint("x", save_freq="batch"), TypeError, "save_freq: expected an integer, got 'batch'"),
        (
            lambda: ModelCheckpoint("x", save_freq=2, save_best_only=True),
            ValueError,
            "save_freq: expected 'epoch' with save_best_only, got 2",
        ),
        (lambda: ModelCheckpoint("x", save_weights_only=1), TypeError, "save_weights_only: expected a bool, got 1"),
        (lambda: ModelCheckpoint("x", save_best_only=1), TypeError, "save_best_only: expected a bool, got 1"),
        (
            lambda: ModelCheckpoint("x", initial_value_threshold="a"),
            TypeError,
            "initial_value_threshold: expected a number, got 'a'",
        ),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            ModelCheckpoint("{val_loss}"),
            r"filepath: expected epoch and loss, accuracy in its braces, got '\{val_loss\}'",
        ),
        (ModelCheckpoint("{epoch:z}"), "filepath: expected epoch and .*got '{epoch:z}'"),
        (ModelCheckpoint("{}"), "filepath: expected epoch and .*got '{}'"),
        (ModelCheckpoint("x", save_best_only=True), "monitor: expected one of loss, accuracy, got 'val_loss'"),
    ],
)
def test_what_cannot_work_is_found_before_training(callback, message):
    m = model()
    with pytest.raises(ValueError, match=message):
        m.fit(x, y, callbacks=[callback])
    assert m.optimizer.iterations == 0
