"""`rnnfast train charlm` and `wordlm` as a user meets them."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnfast import cli
from rnnfast.commands.language_progress import MILESTONES
from rnnfast.language_model import LanguageModel

TEXT = "the cat sat on the mat and the rat sat on the cat.\n" * 120
SMALL = ("--hidden", "16", "--embedding", "8")
LINE = re.compile(r"^ *[\d.]+ s, +([\d.]+) passes: ([\d.]+) (bits per character|perplexity), ([\d.]+) held out$", re.M)
LAST = re.compile(r"^Held out: perplexity ([\d.]+) a (character|word), ([\d.]+) bits per character$", re.M)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "text.txt"


@pytest.fixture
def train(text: Path, tmp_path: Path, monkeypatch, capsys):
    """Runs `rnnfast train` on the text; returns the exit code, the output and the errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(command: str, *options: str, file: object = text) -> tuple[int, str, str]:
        code = cli.main(["train", command, str(file), *options])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("command", "figure", "start"), [("charlm", "bits per character", "the c"), ("wordlm", "perplexity", "the cat")]
)
def test_a_training(train, tmp_path: Path, command: str, figure: str, start: str) -> None:
    options = ("--epochs", "30", "--streams", "4", "--sample", "20", "--prompt", start, "--temperature", "0.4")
    code, out, err = train(command, *SMALL, *options)
    assert (code, err) == (0, "")
    lines = LINE.findall(out)
    assert 3 <= len(lines) <= len(MILESTONES)
    assert {line[2] for line in lines} == {figure}
    passes, learnt, held_out = ([float(line[column]) for line in lines] for column in (0, 1, 3))
    assert passes == sorted(passes)
    assert passes[-1] == 30
    assert learnt[-1] < learnt[0] / 2
    assert held_out[-1] < held_out[0] / 2
    last = LAST.search(out)
    assert last
    assert float(last[3 if command == "charlm" else 1]) == pytest.approx(held_out[-1], abs=0.01)
    passage = out.split("temperature 0.4:\n\n")[1]
    assert passage.startswith(start)
    checkpoint = tmp_path / "out" / f"{command}.safetensors"
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]
    model = LanguageModel.load(checkpoint)
    assert passage == model.sample(20, prompt=start, temperature=0.4) + "\n"
    assert model.score(TEXT[-len(TEXT) // 10 :]).perplexity == pytest.approx(float(last[1]), rel=0.02)


def test_it_goes_on_to_the_same_bits(train, tmp_path: Path) -> None:
    options = (*SMALL, "--dropout", "0.2", "--sample", "0")
    for arguments in (
        ("--epochs", "4", "--checkpoint", "whole"),
        ("--epochs", "4", "--checkpoint", "parts"),
    ):
        assert train("charlm", *options, *arguments)[0] == 0
    whole, same = (LanguageModel.load(tmp_path / name) for name in ("whole", "parts"))
    code, out, _ = train("charlm", "--checkpoint", "parts", "--resume", "--epochs", "6", "--sample", "0")
    assert code == 0
    assert "Goes on after 4.0 passes" in out
    longer = LanguageModel.load(tmp_path / "parts")
    assert longer.network.optimizer.iterations == 6 / 4 * whole.network.optimizer.iterations
    assert (longer.network.get_weights()[0] != whole.network.get_weights()[0]).any()
    np.testing.assert_array_equal(whole.network.get_weights()[0], same.network.get_weights()[0])
    finished = (tmp_path / "parts").read_bytes()
    code, out, _ = train("charlm", "--checkpoint", "parts", "--resume", "--sample", "5")
    assert code == 0
    assert not LINE.search(out)
    assert LAST.search(out)
    assert (tmp_path / "parts").read_bytes() == finished


KILLED = """
import os, signal, sys
from rnnfast import cli
from rnnfast.commands import language_progress
from rnnfast.language_model import Training

def step(training, *arguments, learn=Training.step):
    if training.steps == 70:
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(training, *arguments)

Training.step = step
language_progress.train.__kwdefaults__["checkpoint_seconds"] = 0.02
cli.main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_it_goes_on_after_a_kill(rnnfast, run_python, text: Path, tmp_path: Path) -> None:
    """A process that is killed between two checkpoints comes to the same weights as one that is not."""
    command = ("train", "charlm", str(text), "--sample", "0", "--checkpoint")
    options = (*SMALL, "--dropout", "0.2", "--epochs", "20")
    assert rnnfast(*command, "whole", *options).returncode == 0
    assert run_python("-c", KILLED, *command, "killed", *options).returncode == -signal.SIGKILL
    killed, whole = (LanguageModel.load(tmp_path / name).network for name in ("killed", "whole"))
    assert 0 < killed.optimizer.iterations <= 70 < whole.optimizer.iterations
    assert rnnfast(*command, "killed", "--resume").returncode == 0
    killed = LanguageModel.load(tmp_path / "killed").network
    for first, second in zip(whole.get_weights(), killed.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


RESUME = ("--checkpoint", "model", "--resume")

# Command, options, the file if not the text; the exit code and what the one line of the error must contain.
WRONG = [
    ("charlm", (), "nowhere.txt", 1, ("No such file", "nowhere.txt")),
    ("charlm", (), "empty.txt", 1, ("empty.txt: expected a text, got an empty file",)),
    ("charlm", (), "short.txt", 1, ("text: expected at least 17 tokens for 16 streams, got 4",)),
    ("wordlm", (), "latin.txt", 1, ("latin.txt: expected UTF-8",)),
    ("wordlm", (), "damaged.gz", 1, ("damaged.gz: expected a whole gzip file",)),
    ("charlm", ("--hidden", "0"), None, 2, ("--hidden", "at least 1", "'0'")),
    ("charlm", ("--dropout", "1"), None, 2, ("--dropout", "at most 0.99", "'1'")),
    ("charlm", ("--temperature", "0"), None, 2, ("--temperature", "above 0", "'0'")),
    ("charlm", ("--sample", "-1"), None, 2, ("--sample", "at least 0", "'-1'")),
    ("charlm", ("--bptt-steps", "many"), None, 2, ("--bptt-steps", "integer", "'many'")),
    ("charlm", ("--held-out", "0"), None, 2, ("--held-out", "above 0")),
    ("charlm", ("--prompt", "THE"), None, 2, ("--prompt", "known characters", "['T', 'H', 'E']")),
    ("wordlm", ("--prompt", ""), None, 2, ("--prompt", "known words", "none")),
    ("wordlm", ("--vocabulary", "1"), None, 2, ("--vocabulary", "at least 2")),
    ("wordlm", ("--checkpoint", "."), None, 2, ("--checkpoint", "expected a file, got the folder '.'")),
    ("wordlm", ("--checkpoint", "text.txt/model"), None, 2, ("--checkpoint", "expected a folder")),
    ("charlm", ("--resume",), None, 1, ("No such file", "charlm.safetensors")),
    ("charlm", (*RESUME, "--hidden", "17"), None, 2, ("--hidden", "expected 16, as in the checkpoint, got 17")),
    ("charlm", (*RESUME, "--tied"), None, 2, ("--tied", "expected False", "got True")),
    ("wordlm", RESUME, None, 1, ("model: expected the checkpoint of a word model", "rnnfast train charlm")),
    ("charlm", RESUME, "other.txt", 1, ("text: expected the one that model was trained on",)),
    ("charlm", ("--checkpoint", "text.txt", "--resume"), None, 1, ("text.txt", "safetensors file")),
    ("charlm", ("--checkpoint", "cut", "--resume"), None, 1, ("cut", "safetensors file")),
    ("charlm", ("--checkpoint", "weights", "--resume"), None, 1, ("weights", "has no architecture")),
    ("charlm", ("--checkpoint", "classifier", "--resume"), None, 1, ("classifier", "expected a language model")),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Contents of what lies in the folder."""
    from rnnfast import Sequential
    from rnnfast.language_model import Settings, Training
    from rnnfast.layers import Dense

    folder = tmp_path_factory.mktemp("files")
    training = Training(TEXT, Settings(hidden=16, embedding=8))
    training.step()
    training.save(folder / "model")
    classifier = Sequential([Dense(1, input_shape=(2,))])
    classifier.build()
    classifier.save(folder / "classifier")
    classifier.save_weights(folder / "weights")
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {
        **made,
        "cut": made["model"][:-100],
        "empty.txt": b"",
        "short.txt": b"short",
        "other.txt": TEXT.upper().encode(),
        "latin.txt": "é".encode("latin-1"),
        "damaged.gz": b"damaged",
    }


@pytest.mark.parametrize(
    ("command", "options", "file", "code", "expected"),
    WRONG,
    ids=[" ".join([row[0], *row[1], row[2] or ""]) for row in WRONG],
)
def test_wrong(train, files, tmp_path: Path, command, options, file, code, expected) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    status, out, err = train(command, *options, file=file or "text.txt")
    assert (status, out) == (code, "")
    assert err.count("\n") == 1
    for part in expected:
        assert part in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_tinyshakespeare(train, find_data, monkeypatch) -> None:
    """A short training on a file that is found by its name."""
    monkeypatch.setenv("RNNFAST_DATA", str(find_data("tinyshakespeare.txt.gz").parent))
    options = ("--epochs", "1", "--hidden", "64", "--sample", "100")
    code, out, _ = train("charlm", *options, file="tinyshakespeare.txt.gz")
    assert code == 0
    assert "1,003,855 characters to train on, 111,539 held out; 66 characters" in out
    last = LAST.search(out)
    assert last
    assert float(last[3]) < 3.3  # by the frequencies of the characters alone it would be 4.8
