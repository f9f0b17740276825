"""Training on messages: a made-up archive that is easily told apart, and the real one."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rnnfast import cli
from rnnfast.commands import train_sms
from rnnfast.datasets import sms_spam

EPOCH = re.compile(
    r"^Epoch (\d+)/(\d+): train loss ([\d.]+), accuracy ([\d.]+); test loss ([\d.]+), accuracy ([\d.]+); [\d.]+ s of "
)


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A folder with an archive of as many messages as the real one has."""
    ham, spam = "ham\tSee you at home 2nite!", "spam\tWIN a prize now"
    lines = [spam if number % 3 == 0 else ham for number in range(sms_spam.MESSAGES)]
    with zipfile.ZipFile(tmp_path / sms_spam.FILE_NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(sms_spam.MEMBER, "\n".join(lines))
    return tmp_path


def test_a_training(rnnfast, made_up: Path, png_size, tmp_path: Path) -> None:
    result = rnnfast(
        *("train", "sms", "--epochs", "12", "--maxlen", "5", "--learning-rate", "0.005", "--out", "plots"),
        RNNFAST_DATA=str(made_up),
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    ham, spam = "see you at home nite", "win a prize now"
    assert lines[0] == str([spam, ham, ham, spam, ham])
    assert lines[1] == "(5574, 5)"
    assert "Vocabulary Size: 9" in lines
    assert "80-20 Train Test split: 4459 -- 1115" in lines
    assert any(line.startswith("simple_rnn (SimpleRNN)") and line.endswith("610") for line in lines)
    epochs = [found for line in lines if (found := EPOCH.match(line))]
    assert [found[1] for found in epochs] == [str(number) for number in range(1, 13)]
    losses = [float(found[5]) for found in epochs]
    assert losses[-1] < losses[0] / 2
    assert "Test accuracy: 1.0" in lines
    folder = tmp_path / "plots"
    assert sorted(path.name for path in folder.iterdir()) == ["sms_accuracy.png", "sms_loss.png"]
    for path in folder.iterdir():
        assert png_size(path) == (768, 576)


def test_the_same_seed_gives_the_same_figures(made_up: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("RNNFAST_DATA", str(made_up))
    monkeypatch.chdir(tmp_path)

    def figures(seed: str) -> list[tuple[str, ...]]:
        assert cli.main(["train", "sms", "--epochs", "2", "--seed", seed]) == 0
        return [found.groups() for line in capsys.readouterr().out.splitlines() if (found := EPOCH.match(line))]

    first = figures("0")
    assert len(first) == 2
    assert figures("0") == first
    assert figures("1") != first


def test_the_beginning_is_that_of_tensorflow_1() -> None:
    arguments = cli.parser().parse_args(["train", "sms"])
    model = train_sms.build(arguments, input_dim=5000)
    model.build()
    table, kernel, recurrent, bias, dense, dense_bias = model.get_weights()
    limit = (6 / 70) ** 0.5  # of one kernel (60, 10)
    for weights, bound in ((table, 1.0), (kernel, limit), (recurrent, limit)):
        assert 0.9 * bound < np.abs(weights).max() <= bound
    assert not bias.any()
    assert np.abs(dense).max() <= 0.2
    assert dense_bias.tolist() == pytest.approx([0.1, 0.1])
    optimizer = model.optimizer
    assert (optimizer.learning_rate, optimizer.rho, optimizer.epsilon) == (0.0005, 0.9, 1e-10)
    assert (optimizer.initial_accumulator, optimizer.epsilon_inside) == (0.0, True)
    assert (arguments.epochs, arguments.batch_size, arguments.maxlen, model.layers[2].rate) == (20, 250, 25, 0.5)


@pytest.mark.parametrize(
    ("options", "least"),
    [
        # TensorFlow itself, by its interface of version 1, has 0.881, 0.873 and 0.884 on the same three splits.
        (("--initial-accumulator", "1"), 0.87),
        ((), 0.92),
    ],
)
def test_the_real_messages(find_data, real_cache: Path, tmp_path, monkeypatch, capsys, options, least: float) -> None:
    monkeypatch.setenv("RNNFAST_DATA", str(find_data(sms_spam.FILE_NAME).parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(real_cache))
    monkeypatch.chdir(tmp_path)
    accuracies = []
    for seed in "012":
        assert cli.main(["train", "sms", "--seed", seed, *options]) == 0
        out = capsys.readouterr().out
        assert "Vocabulary Size: 8629" in out
        found = re.search(r"^Test accuracy: (0\.\d+)$", out, re.MULTILINE)
        assert found
        accuracies.append(float(found[1]))
    assert sum(accuracies) / 3 >= least, accuracies
