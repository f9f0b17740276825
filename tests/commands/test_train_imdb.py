"""Training on film reviews: a few made up, and the real ones."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from rnnfast import cli
from rnnfast.commands import imdb_model
from rnnfast.commands.imdb_model import Settings
from rnnfast.datasets import imdb

WORDS = {"pos": "a wonderful film that i loved", "neg": "a terrible film that i hated"}
REVIEWS = 100
"""Made-up reviews in each of the four folders."""


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive in RNNFAST_DATA, an empty cache, and an empty folder to run in."""
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work.mkdir()
    with tarfile.open(data / imdb.FILE_NAME, "w:gz") as tar:
        for split in imdb.SPLITS:
            for label, text in WORDS.items():
                for number in range(REVIEWS):
                    info = tarfile.TarInfo(f"aclImdb/{split}/{label}/{number}_5.txt")
                    info.size = len(text)
                    tar.addfile(info, io.BytesIO(text.encode()))
    monkeypatch.setattr(imdb, "REVIEWS_PER_FOLDER", REVIEWS)
    monkeypatch.setenv("RNNFAST_DATA", str(data))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))
    monkeypatch.chdir(work)
    imdb_model._load.cache_clear()


@pytest.mark.usefixtures("made_up")
def test_a_training(capsys: pytest.CaptureFixture[str], png_size) -> None:
    options = ["--maxlen", "7", "--num-words", "40", "--epochs", "3", "--learning-rate", "0.1", "--out", "plots"]
    assert cli.main(["train", "imdb", *options]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[:4] == [
        "200 train sequences",
        "200 test sequences",
        "x_train shape: (200, 7)",
        "x_test shape: (200, 7)",
    ]
    assert re.fullmatch(r"\[ *1( +\d+){6}\]", lines[5])  # the start mark and six words
    assert "Trainable params: 2,286" in lines
    epochs = [line for line in lines if line.startswith("Epoch ")]
    assert [line.split(":")[0] for line in epochs] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    assert "Test accuracy: 1.0" in lines
    (score,) = (line for line in lines if line.startswith("Test score: "))
    assert 0 < float(score.split()[-1]) < 0.3
    assert re.search(r"^Seconds of training an epoch: median 0\.\d\d, longest 0\.\d\d$", out, re.MULTILINE)
    assert sorted(path.name for path in Path("plots").iterdir()) == ["imdb_accuracy.png", "imdb_loss.png"]
    for path in Path("plots").iterdir():
        assert png_size(path) == (768, 576)


@pytest.mark.usefixtures("made_up")
def test_a_sweep(capsys: pytest.CaptureFixture[str], png_size) -> None:
    options = ["--epochs", "2", "--num-words", "40", "--learning-rate", "0.05"]
    assert cli.main(["train", "imdb", *options, "--sweep", "maxlen=3,7", "batch-size=20,50,100"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    assert [row[:2] for row in rows] == [[m, b] for m in ("3", "7") for b in ("20", "50", "100")]
    assert all(0 <= float(row[3]) <= 1 for row in rows)
    # The last three words tell the two apart as well as all of them do.
    assert rows[0][3] == rows[3][3] == "1.0000"
    assert len({row[4] for row in rows}) == 6  # each combination has a loss of its own
    assert all(float(row[6]) >= float(row[5]) for row in rows)
    assert [line[:3] for line in out.splitlines() if "s of training" in line] == [f"{n}/6" for n in range(1, 7)]
    assert [path.name for path in Path("out").iterdir()] == ["imdb_sweep.png"]
    assert png_size(Path("out/imdb_sweep.png"))[0] == 1080


def test_the_beginning_is_that_of_the_exercise() -> None:
    model = imdb_model.build(Settings())
    model.build()
    embeddings, kernel, recurrent, bias, _, _ = model.get_weights()
    assert embeddings.shape == (20_000, 50)
    assert np.abs(embeddings).max() <= 0.05
    assert kernel.std() == pytest.approx(0.001, rel=0.2)
    assert np.array_equal(recurrent, np.eye(5))
    assert not bias.any()
    assert model.layers[1].activation == "relu"
    assert (model.optimizer.learning_rate, model.optimizer.rho) == (1e-4, 0.9)


def test_every_setting_is_an_option() -> None:
    values = {
        "maxlen": 7,
        "num_words": 99,
        "embedding": 3,
        "hidden": 4,
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 0.5,
        "kernel_stddev": 0.25,
        "recurrent_gain": -0.5,
        "seed": 6,
        "activation": "tanh",
        "backend": "reference",
    }
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    arguments = vars(cli.parser().parse_args(["train", "imdb", *flags]))
    assert {name: arguments[name] for name in values} == values
    assert Settings(**values) != Settings()
    assert set(values) == set(Settings.__dataclass_fields__)


def test_the_real_reviews(rnnfast, find_data, real_cache: Path, png_size, tmp_path: Path) -> None:
    """The figures of the exercise: 0.788 with 30 steps, and better with 80."""
    data = str(find_data(imdb.FILE_NAME).parent)
    result = rnnfast("train", "imdb", "--sweep", "maxlen=30,80", RNNFAST_DATA=data, XDG_CACHE_HOME=str(real_cache))
    assert (result.returncode, result.stderr) == (0, "")
    accuracies = dict(re.findall(r"maxlen=(\d+): test accuracy (0\.\d+)", result.stdout))
    assert float(accuracies["30"]) >= 0.77
    assert float(accuracies["80"]) >= 0.82
    png_size(tmp_path / "out" / "imdb_sweep.png")
