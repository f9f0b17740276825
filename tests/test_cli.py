"""The command line as a user meets it: what it takes, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rnnfast import __version__, cli
from rnnfast.backends import REGISTRY

IMDB = ("train", "imdb")

# Arguments, and what the one line of the error must contain.
WRONG = [
    ((), ("COMMAND",)),
    (("trian",), ("COMMAND", "trian")),
    (("train",), ("DATASET",)),
    (("train", "mnist"), ("DATASET", "mnist")),
    ((*IMDB, "--hiden", "5"), ("--hiden",)),
    ((*IMDB, "--hid", "5"), ("--hid",)),
    ((*IMDB, "--hidden"), ("--hidden", "expected one argument")),
    ((*IMDB, "--hidden", "0"), ("--hidden", "at least 1", "'0'")),
    ((*IMDB, "--hidden", "five"), ("--hidden", "integer", "'five'")),
    ((*IMDB, "--maxlen", "2.5"), ("--maxlen", "integer", "'2.5'")),
    ((*IMDB, "--num-words", "2"), ("--num-words", "at least 3", "'2'")),
    ((*IMDB, "--learning-rate", "-1"), ("--learning-rate", "at least 0", "'-1'")),
    ((*IMDB, "--learning-rate", "nan"), ("--learning-rate", "'nan'")),
    ((*IMDB, "--activation", "gelu"), ("--activation", "tanh, relu", "'gelu'")),
    ((*IMDB, "--backend", "gpu"), ("--backend", "auto, cpu", "'gpu'")),
    ((*IMDB, "--seed", "-1"), ("--seed", "at least 0", "'-1'")),
    ((*IMDB, "--sweep"), ("--sweep", "at least one argument")),
    ((*IMDB, "--sweep", "hidden"), ("--sweep", "name=value", "'hidden'")),
    ((*IMDB, "--sweep", "hiden=5"), ("--sweep", "batch-size", "'hiden'")),
    ((*IMDB, "--sweep", "activation=tanh"), ("--sweep", "batch-size", "'activation'")),
    ((*IMDB, "--sweep", "hidden=5,x"), ("--sweep", "hidden", "at least 1", "'x'")),
    ((*IMDB, "--sweep", "hidden="), ("--sweep", "hidden", "''")),
    ((*IMDB, "--sweep", "hidden=5", "hidden=6"), ("--sweep", "once", "hidden hidden")),
    ((*IMDB, "--out", __file__), ("--out", "folder", __file__)),
    ((*IMDB, "--out", f"{__file__}/below"), ("--out", "folder", __file__)),
    (("train", "sms", "--keep", "0"), ("--keep", "above 0", "'0'")),
    (("train", "sms", "--keep", "1.5"), ("--keep", "at most 1", "'1.5'")),
    (("train", "charlm"), ("FILE", "required")),
    (("demo", "--seconds", "0"), ("--seconds", "above 0", "'0'")),
    (("demo", "--seconds", "inf"), ("--seconds", "'inf'")),
    (("demo", "--seconds", "1", "--epochs", "1"), ("--epochs", "not allowed with", "--seconds")),
    (("info", "now"), ("now",)),
]


@pytest.mark.parametrize(("arguments", "expected"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_wrong(arguments, expected, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("rnnfast")
    for part in expected:
        assert part in err
    assert list(tmp_path.iterdir()) == []


def test_wrong_for_a_shell(rnnfast) -> None:
    result = rnnfast("train", "imdb", "--hidden", "0")
    assert result.returncode == 2
    assert result.stderr.startswith("rnnfast train imdb: error: argument --hidden: expected an integer of at least 1")


def test_a_backend_that_cannot_run_here(capsys, monkeypatch) -> None:
    monkeypatch.setattr(type(REGISTRY["cpu"]), "unavailable", lambda self: "no such processor")
    assert cli.main([*IMDB, "--backend", "cpu"]) == 2
    assert "argument --backend: 'cpu' cannot run here: no such processor" in capsys.readouterr().err


def test_version(rnnfast) -> None:
    result = rnnfast("--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"rnnfast {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("train",),
        ("train", "imdb"),
        ("train", "sms"),
        ("train", "charlm"),
        ("train", "wordlm"),
        ("demo",),
        ("bench",),
        ("explain",),
        ("info",),
    ],
)
def test_help(arguments, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*arguments, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: rnnfast")
    assert "None" not in out
    assert err == ""


@pytest.mark.parametrize(("data_set", "file_name"), [("imdb", "aclImdb_v1.tar.gz"), ("sms", "smsspamcollection.zip")])
def test_no_data(rnnfast, tmp_path: Path, data_set: str, file_name: str) -> None:
    result = rnnfast("train", data_set)
    assert result.returncode == 1
    assert f"Put {file_name} into {tmp_path / 'cache-home' / 'rnnfast'}" in result.stderr
    assert "RNNFAST_DATA" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("data_set", "file_name"), [("imdb", "aclImdb_v1.tar.gz"), ("sms", "smsspamcollection.zip")])
def test_damaged_data(rnnfast, tmp_path: Path, data_set: str, file_name: str) -> None:
    (tmp_path / file_name).write_bytes(b"<html>not found</html>")
    result = rnnfast("train", data_set, RNNFAST_DATA=str(tmp_path))
    assert result.returncode == 1
    assert f"{file_name}: expected a whole archive" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "module"),
    [
        (("train", "imdb"), "matplotlib"),
        (("train", "imdb", "--sweep", "hidden=5"), "rich"),
        (("train", "sms"), "matplotlib"),
        (("train", "charlm", "text.txt"), "safetensors"),
        (("train", "wordlm", "text.txt"), "rich"),
        (("demo",), "rich"),
        (("demo",), "matplotlib"),
        (("demo",), "threadpoolctl"),
    ],
)
def test_no_extra(rnnfast, arguments, module: str) -> None:
    result = rnnfast(*arguments, missing=(module,))
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"needs {module}: pip install 'rnnfast[train]'" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_instruction_set_that_is_not_here(rnnfast) -> None:
    result = rnnfast("demo", RNNFAST_ISA="sse9")
    assert result.returncode == 1
    assert "sse9" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a process of its own")
def test_ctrl_c_leaves_no_file(tmp_path: Path, environment) -> None:
    command = [sys.executable, "-m", "rnnfast", "demo", "--seconds", "60"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "Non-trainable" in line:  # the training begins
                    break
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err == "interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves(tmp_path: Path, environment) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "rnnfast", "info"],
            cwd=tmp_path,
            env=environment,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (0, "")
