"""SMS Spam Collection: preparation on a handful of messages, refusals, and the real messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnfast.datasets import locate, sms_spam

MESSAGES = [
    ("ham", "Ok lar..."),
    ("spam", "WIN \u00a3100 now! Call 0800"),
    ("ham", "ok, see you\u2028now"),
    ("ham", "a\tb \u00fc win"),
    ("spam", "!!!"),
]
CONTENT = "".join(f"{label}\t{text}\n" for label, text in MESSAGES).encode()
CLEANED = ["ok lar", "win now call", "ok see younow", "a b win", ""]
WORD_INDEX = {"ok": 1, "win": 2, "lar": 3, "now": 4, "call": 5, "see": 6, "younow": 7, "a": 8, "b": 9}
ROWS = [[1, 3, 0], [2, 4, 5], [1, 6, 7], [8, 9, 2], [0, 0, 0]]
LABELS = [1, 0, 1, 1, 0]


@pytest.fixture(autouse=True)
def five_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms_spam, "MESSAGES", 5)


@pytest.fixture
def write(data_folder: Path, write_zip: Callable[..., Path]) -> Callable[[bytes], Path]:
    return lambda content: write_zip(
        data_folder / sms_spam.FILE_NAME, [("SMSSpamCollection", content), ("readme", b"")]
    )


def test_texts_as_they_are(write) -> None:
    write(CONTENT)
    texts, labels = sms_spam.load_texts()
    assert texts == [text for _, text in MESSAGES]
    assert labels.dtype == np.int64
    assert labels.tolist() == LABELS


def test_cleaned_texts_and_words(write) -> None:
    write(CONTENT)
    data = sms_spam.load_data(maxlen=3)
    assert data.texts == CLEANED
    assert data.word_index == WORD_INDEX
    assert data.vocabulary_size == 9
    assert data.input_dim == 10
    assert data.shape == (5, 3)


def test_shuffled_and_split(write) -> None:
    write(CONTENT)
    data = sms_spam.load_data(maxlen=3, train_fraction=0.7, seed=11)
    order = np.random.default_rng(11).permutation(5)
    assert [LABELS[i] for i in order] == [0, 0, 1, 1, 1]  # so that labels left unshuffled would show
    assert data.x_train.tolist() == [ROWS[i] for i in order[:3]]
    assert data.y_train.tolist() == [LABELS[i] for i in order[:3]]
    assert data.x_test.tolist() == [ROWS[i] for i in order[3:]]
    assert data.y_test.tolist() == [LABELS[i] for i in order[3:]]
    assert (data.x_train.dtype, data.y_train.dtype) == (np.int32, np.int64)


def test_defaults(write) -> None:
    write(CONTENT)
    data, again = sms_spam.load_data(), sms_spam.load_data(seed=0)
    assert data.shape == (5, 25)
    assert (len(data.y_train), len(data.y_test)) == (4, 1)
    np.testing.assert_array_equal(data.x_train, again.x_train)


def test_long_messages_keep_their_end_and_short_ones_are_filled_behind(write) -> None:
    write(CONTENT)
    data = sms_spam.load_data(maxlen=2)
    rows = sorted([*data.x_train.tolist(), *data.x_test.tolist()])
    assert rows == sorted([[1, 3], [4, 5], [6, 7], [9, 2], [0, 0]])


def test_padding_options(write) -> None:
    write(CONTENT)
    data = sms_spam.load_data(maxlen=4, padding="pre", truncating="post")
    rows = sorted([*data.x_train.tolist(), *data.x_test.tolist()])
    assert rows == sorted([[0, 0, 1, 3], [0, 2, 4, 5], [0, 1, 6, 7], [0, 8, 9, 2], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maxlen": 0}, "^maxlen: expected at least 1, got 0"),
        ({"train_fraction": 0}, "^train_fraction: expected a number above 0 and below 1, got 0"),
        ({"train_fraction": 1.0}, "^train_fraction: expected a number above 0 and below 1, got 1"),
        ({"padding": "left"}, "^padding: expected one of pre, post, got 'left'"),
    ],
)
def test_refuses_arguments(write, arguments, message: str) -> None:
    write(CONTENT)
    with pytest.raises(ValueError, match=message):
        sms_spam.load_data(**arguments)


class TestRefusals:
    @pytest.fixture(autouse=True)
    def nothing_left(self, data_folder: Path, cache_home: Path, files_below):
        yield
        assert files_below(cache_home) == []
        assert files_below(data_folder) in ([], [sms_spam.FILE_NAME])

    @pytest.mark.parametrize("content", [CONTENT + b"ham\tone more\n", CONTENT[: CONTENT.rindex(b"spam")]])
    def test_another_number_of_messages(self, write, content: bytes) -> None:
        write(content)
        with pytest.raises(ValueError, match=r"smsspamcollection\.zip: expected 5 messages, got [46]"):
            sms_spam.load_texts()

    @pytest.mark.parametrize("line", [b"eggs\ttext", b"ham", b"ham text", b"\ttext", b"HAM\ttext"])
    def test_a_line_of_another_form(self, write, line: bytes) -> None:
        write(CONTENT + line)
        with pytest.raises(ValueError, match="expected 'ham' or 'spam' and a tab in line 6, got "):
            sms_spam.load_data()

    def test_another_member(self, data_folder, write_zip) -> None:
        write_zip(data_folder / sms_spam.FILE_NAME, [("other", CONTENT)])
        with pytest.raises(ValueError, match="expected one member 'SMSSpamCollection', got 0"):
            sms_spam.load_data()

    def test_a_member_that_leaves_the_folder(self, data_folder, write_zip) -> None:
        write_zip(data_folder / sms_spam.FILE_NAME, [("SMSSpamCollection", CONTENT), ("../out", b"")])
        with pytest.raises(ValueError, match=r"expected members that stay inside the folder, got '\.\./out'"):
            sms_spam.load_data()

    def test_what_is_not_utf8(self, write) -> None:
        write(CONTENT.replace("\u00a3".encode(), b"\xa3"))
        with pytest.raises(ValueError, match="expected UTF-8 in 'SMSSpamCollection'"):
            sms_spam.load_data()

    def test_a_truncated_archive(self, write) -> None:
        path = write(CONTENT)
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(ValueError, match=r"smsspamcollection\.zip: expected a whole archive"):
            sms_spam.load_data()

    def test_absent_and_offline(self, downloads: list[str]) -> None:
        with pytest.raises(FileNotFoundError, match=r"Put smsspamcollection\.zip into .* set RNNFAST_DATA"):
            sms_spam.load_data()
        assert downloads == ["https://archive.ics.uci.edu/ml/machine-learning-databases/00228/smsspamcollection.zip"]


def test_a_download_is_checked_and_kept(monkeypatch, write_zip, tmp_path: Path, cache_home: Path, files_below) -> None:
    path = tmp_path / "archive.zip"

    def fetch(self: object, url: str, file: str, pooch: None) -> None:
        Path(file).write_bytes(path.read_bytes())

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", fetch)
    write_zip(path, [("SMSSpamCollection", CONTENT[5:])])
    with pytest.raises(ValueError, match="the download is not the archive that it should be"):
        sms_spam.load_texts()
    assert files_below(cache_home) == []
    write_zip(path, [("SMSSpamCollection", CONTENT)])
    assert len(sms_spam.load_texts()[0]) == 5
    assert files_below(cache_home) == ["rnnfast/smsspamcollection.zip"]
    path.unlink()
    assert len(sms_spam.load_texts()[0]) == 5


def test_the_real_messages(find_data, monkeypatch) -> None:
    monkeypatch.setenv(locate.VARIABLE, str(find_data(sms_spam.FILE_NAME).parent))
    monkeypatch.setattr(sms_spam, "MESSAGES", 5_574)
    data = sms_spam.load_data()
    assert data.shape == (5_574, 25)
    assert (len(data.y_train), len(data.y_test)) == (4_459, 1_115)
    assert data.y_train.sum() + data.y_test.sum() == 4_827  # ham, by the readme of the archive
    assert data.vocabulary_size == 8_629
    assert data.texts[1] == "ok lar joking wif u oni"
    assert max(data.x_train.max(), data.x_test.max()) <= data.vocabulary_size
