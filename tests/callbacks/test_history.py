import csv

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.callbacks import CSVLogger
from rnnfast.layers import Dense

x = np.random.default_rng(0).standard_normal((10, 3))
y = (x.sum(axis=1) > 0).astype(int)


def model(metrics=("accuracy",)):
    m = Sequential([Dense(1, "sigmoid")], seed=0)
    m.compile("sgd", "binary_crossentropy", metrics)
    return m


def read(path, delimiter=","):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_are_the_history(tmp_path, separator):
    path = tmp_path / "log.csv"
    history = model().fit(x, y, epochs=3, validation_split=0.3, callbacks=[CSVLogger(path, separator)]).history
    rows = read(path, separator)
    assert list(rows[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    assert [int(row.pop("epoch")) for row in rows] == [0, 1, 2]
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values
    assert [file.name for file in tmp_path.iterdir()] == ["log.csv"]


def test_the_file_is_whole_after_every_epoch_and_when_interrupted(tmp_path):
    from rnnfast.callbacks import LambdaCallback

    path, lengths = tmp_path / "log.csv", []

    def look(epoch):
        lengths.append(len(read(path)))
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model().fit(x, y, epochs=5, callbacks=[CSVLogger(path), LambdaCallback(on_epoch_begin=look)])
    assert lengths == [0, 1, 2]
    assert len(read(path)) == 2


def test_appending_goes_on_and_replacing_begins_anew(tmp_path):
    path = tmp_path / "log.csv"
    m, logger = model(), CSVLogger(path)
    m.fit(x, y, epochs=2, callbacks=[logger])
    m.fit(x, y, epochs=3, initial_epoch=2, callbacks=[logger])
    m.fit(x, y, epochs=4, initial_epoch=3, callbacks=[CSVLogger(path, append=True)])
    assert [row["epoch"] for row in read(path)] == ["0", "1", "2", "3"]
    m.fit(x, y, epochs=1, callbacks=[CSVLogger(path)])
    assert [row["epoch"] for row in read(path)] == ["0"]


def test_a_file_of_other_columns_is_kept_and_nothing_is_trained(tmp_path):
    path = tmp_path / "log.csv"
    model().fit(x, y, callbacks=[CSVLogger(path)])
    before, other = path.read_bytes(), model(metrics=[])
    with pytest.raises(ValueError, match=r"append: expected the columns 'epoch,loss\\n' in .*got 'epoch,loss,acc"):
        other.fit(x, y, callbacks=[CSVLogger(path, append=True)])
    assert path.read_bytes() == before
    assert other.optimizer.iterations == 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: CSVLogger("x", separator=""), ValueError, "separator: expected one character, .*got ''"),
        (lambda: CSVLogger("x", separator="\n"), ValueError, r"separator: expected one character, .*got '\\n'"),
        (lambda: CSVLogger("x", append=1), TypeError, "append: expected a bool, got 1"),
        (lambda: model().fit(x, y, callbacks=[CSVLogger("/nowhere/log")]), OSError, "nowhere"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
