"""IMDB: Keras's conventions on a handful of reviews, and Keras's published figures on the real ones."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rnnfast.datasets import cache, imdb, locate
from rnnfast.text import pad_sequences

# By folder: three reviews each, so that the order of file names (10_ before 1_ before 2_) shows.
REVIEWS = {
    "train/pos": {"10_9": "the good the best", "1_8": "The film", "2_7": "a good film, the best!"},
    "train/neg": {"0_1": "the bad<br />film", "1_2": "bad", "12_4": "don't"},
    "test/pos": {"0_10": "good unseen film", "1_7": "best", "2_7": "the a"},
    "test/neg": {"0_1": "bad", "1_1": "unseen", "2_1": "bad film"},
}
# Counts in the training reviews: the 5, good 2, best 2, film 3, a 1, bad 2, br 1, don't 1.
WORD_INDEX = {"the": 1, "film": 2, "good": 3, "best": 4, "bad": 5, "a": 6, "br": 7, "don't": 8}
# Reviews in the order before the shuffle: positive first, by file name.
TRAIN = ["the good the best", "the film", "a good film the best", "the bad br film", "don't", "bad"]
TEST = ["good film", "best", "the a", "bad", "", "bad film"]


def members(reviews: dict[str, dict[str, str]] = REVIEWS) -> list[tuple[str, bytes]]:
    files = [
        (f"aclImdb/{folder}/{name}.txt", text.encode())
        for folder, texts in reviews.items()
        for name, text in texts.items()
    ]
    passed_over = ["README", "imdb.vocab", "train/urls_pos.txt", "train/unsup/0_0.txt", "train/pos/._0_9.txt"]
    return [*files, *((f"aclImdb/{name}", b"\xff never read") for name in passed_over)]


@pytest.fixture(autouse=True)
def three_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb, "REVIEWS_PER_FOLDER", 3)


@pytest.fixture
def archive_path(data_folder: Path, write_tar: Callable[..., Path]) -> Path:
    return write_tar(data_folder / imdb.FILE_NAME, members())


@pytest.fixture
def tokenised(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The archives that were read in full, one entry each time."""
    paths: list[Path] = []
    real = imdb._tokenised

    def counted(path: Path) -> dict[str, np.ndarray]:
        paths.append(path)
        return real(path)

    monkeypatch.setattr(imdb, "_tokenised", counted)
    return paths


def expected(texts: list[str], order: np.ndarray, shift: int = 3) -> list[list[int]]:
    return [[1, *(WORD_INDEX[word] + shift for word in texts[i].split())] for i in order]


def orders(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.RandomState(seed)
    orders = np.arange(6), np.arange(6)
    for order in orders:
        generator.shuffle(order)
    return orders


@pytest.mark.usefixtures("archive_path")
class TestConventions:
    def test_words_by_rank_in_the_training_reviews(self) -> None:
        assert imdb.get_word_index() == WORD_INDEX

    def test_lower_case_of_ascii_alone(self, data_folder, write_tar) -> None:
        texts = {"0_1": "bad \u00c9T\u00c9", "1_1": "\u00e9t\u00e9", "2_1": "BAD"}
        write_tar(data_folder / imdb.FILE_NAME, members({**REVIEWS, "train/neg": texts}))
        index = imdb.get_word_index()
        assert {"\u00c9t\u00c9", "\u00e9t\u00e9", "bad"} < set(index)
        assert "BAD" not in index

    @pytest.mark.parametrize("seed", [113, 5])
    def test_order_ids_and_labels(self, seed: int) -> None:
        (x_train, y_train), (x_test, y_test) = imdb.load_data(seed=seed)
        train, test = orders(seed)
        assert x_train.tolist() == expected(TRAIN, train)
        assert y_train.tolist() == [int(i < 3) for i in train]
        assert x_test.tolist() == expected(TEST, test)
        assert y_test.tolist() == [int(i < 3) for i in test]
        assert (x_train.dtype, y_train.dtype) == (object, np.int64)
        assert type(x_train[0]) is list
        assert type(x_train[0][0]) is int

    def test_the_default_seed_is_that_of_keras(self) -> None:
        assert imdb.load_data()[0][0].tolist() == imdb.load_data(seed=113)[0][0].tolist()

    def test_num_words_cuts_after_the_shift(self) -> None:
        (x_train, _), _ = imdb.load_data(num_words=6)
        assert x_train.tolist() == [
            [id if id < 6 else 2 for id in review] for review in expected(TRAIN, orders(113)[0])
        ]
        assert max(max(review) for review in x_train) == 5

    def test_skip_top_replaces_the_start_mark_too(self) -> None:
        (x_train, _), _ = imdb.load_data(skip_top=5)
        assert x_train.tolist() == [
            [id if id >= 5 else 2 for id in review] for review in expected(TRAIN, orders(113)[0])
        ]

    def test_without_oov_char_words_are_left_out(self) -> None:
        (x_train, y_train), (x_test, _) = imdb.load_data(num_words=7, skip_top=5, oov_char=None)
        train, test = orders(113)
        for x, texts, order in ((x_train, TRAIN, train), (x_test, TEST, test)):
            assert x.tolist() == [[id for id in review if 5 <= id < 7] for review in expected(texts, order)]
        assert y_train.tolist() == [int(i < 3) for i in train]

    @pytest.mark.parametrize("oov_char", [None, 2])
    def test_without_start_char(self, oov_char: int | None) -> None:
        _, (x_test, _) = imdb.load_data(start_char=None, oov_char=oov_char, index_from=0)
        assert x_test.tolist() == [review[1:] for review in expected(TEST, orders(113)[1], shift=0)]

    def test_other_chars(self) -> None:
        (x_train, _), _ = imdb.load_data(num_words=10, start_char=4, oov_char=9, index_from=5)
        assert x_train.tolist() == [
            [4, *(id if id < 10 else 9 for id in review[1:])] for review in expected(TRAIN, orders(113)[0], shift=5)
        ]

    @pytest.mark.parametrize(("start_char", "longest"), [(1, 3), (None, 2)])
    def test_maxlen_drops_longer_reviews_with_their_labels(self, start_char: int | None, longest: int) -> None:
        (x_train, y_train), (x_test, y_test) = imdb.load_data(maxlen=longest, start_char=start_char)
        train, test = orders(113)
        kept = [i for i in train if len(TRAIN[i].split()) <= 2]
        first = 1 if start_char is None else 0
        assert x_train.tolist() == [review[first:] for review in expected(TRAIN, kept)]
        assert y_train.tolist() == [int(i < 3) for i in kept]
        assert len(x_test) == len(y_test) == len(test)

    def test_maxlen_counts_words_that_the_limits_leave_out(self) -> None:
        (x_train, _), _ = imdb.load_data(num_words=4, oov_char=None, maxlen=3)
        assert len(x_train) == 3

    def test_reviews_go_into_pad_sequences(self) -> None:
        (x_train, _), (x_test, _) = imdb.load_data()
        assert pad_sequences(x_train, maxlen=4).shape == (6, 4)
        assert pad_sequences(x_test).shape == (6, 3)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"num_words": 0}, ValueError, "^num_words: expected at least 1, got 0"),
            ({"num_words": 2.5}, TypeError, "^num_words: expected an integer, got 2.5"),
            ({"maxlen": 0}, ValueError, "^maxlen: expected at least 1, got 0"),
            ({"maxlen": 1, "start_char": 1}, ValueError, "^maxlen: expected at least 2, the shortest review, got 1"),
            ({"skip_top": -1}, ValueError, "^skip_top: expected at least 0, got -1"),
            ({"index_from": -1}, ValueError, "^index_from: expected at least 0, got -1"),
            ({"index_from": None}, TypeError, "^index_from: expected an integer, got None"),
            ({"start_char": -1}, ValueError, "^start_char: expected at least 0, got -1"),
            ({"oov_char": "?"}, TypeError, r"^oov_char: expected an integer, got '\?'"),
            ({"seed": -1}, ValueError, "^Seed must be between"),
        ],
    )
    def test_refusals(self, arguments, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            imdb.load_data(**arguments)


class TestCache:
    def test_a_second_load_reads_the_cache(self, archive_path, tokenised, cache_home: Path, files_below) -> None:
        first = imdb.load_data()
        assert tokenised == [archive_path]
        assert files_below(cache_home) == ["rnnfast/imdb.npz"]
        second = imdb.load_data()
        assert imdb.get_word_index() == WORD_INDEX
        assert len(tokenised) == 1
        for (x, y), (x_again, y_again) in zip(first, second, strict=True):
            assert x.tolist() == x_again.tolist()
            assert y.tolist() == y_again.tolist()

    def test_another_archive_makes_it_stale(self, archive_path, tokenised, write_tar) -> None:
        imdb.load_data()
        changed = {**REVIEWS, "train/neg": {"0_1": "worse", "1_2": "bad", "12_4": "don't"}}
        write_tar(archive_path, members(changed))
        assert "worse" in imdb.get_word_index()
        assert len(tokenised) == 2

    def test_another_format_makes_it_stale(self, archive_path, tokenised, monkeypatch) -> None:
        imdb.load_data()
        monkeypatch.setattr(imdb, "CACHE_FORMAT", imdb.CACHE_FORMAT + 1)
        imdb.load_data()
        imdb.load_data()
        assert len(tokenised) == 2

    def test_a_damaged_cache_is_built_anew(self, archive_path, tokenised, cache_home: Path) -> None:
        imdb.load_data()
        path = cache_home / "rnnfast" / "imdb.npz"
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content[:-9])
        assert imdb.get_word_index() == WORD_INDEX
        assert imdb.get_word_index() == WORD_INDEX
        assert len(tokenised) == 2

    def test_a_cache_that_cannot_be_written_is_done_without(self, archive_path, cache_home: Path) -> None:
        cache_home.write_text("a file where the folder should be")
        with pytest.warns(RuntimeWarning, match=r"imdb\.npz: not cached"):
            assert imdb.get_word_index() == WORD_INDEX


class TestRefusals:
    """An archive that is not the published one is refused, and leaves nothing in the cache."""

    @pytest.fixture(autouse=True)
    def nothing_left(self, data_folder: Path, cache_home: Path, files_below):
        yield
        assert files_below(cache_home) == []
        assert files_below(data_folder) in ([], [imdb.FILE_NAME])

    @pytest.mark.parametrize("folder", REVIEWS)
    @pytest.mark.parametrize("count", [2, 4])
    def test_another_number_of_reviews(self, data_folder, write_tar, folder: str, count: int) -> None:
        texts = {f"{number}_1": "x" for number in range(count)}
        write_tar(data_folder / imdb.FILE_NAME, members({**REVIEWS, folder: texts}))
        with pytest.raises(ValueError, match=f"expected 3 reviews in aclImdb/{folder}, got {count}"):
            imdb.load_data()

    def test_a_member_that_leaves_the_folder(self, data_folder, write_tar) -> None:
        write_tar(data_folder / imdb.FILE_NAME, [*members(), ("aclImdb/../../out", b"")])
        with pytest.raises(ValueError, match="expected members that stay inside the folder"):
            imdb.load_data()

    def test_a_link(self, data_folder, write_tar) -> None:
        link = tarfile.TarInfo("aclImdb/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        write_tar(data_folder / imdb.FILE_NAME, [*members(), (link, b"")])
        with pytest.raises(ValueError, match="got a link or device 'aclImdb/link'"):
            imdb.load_data()

    def test_a_truncated_archive(self, archive_path) -> None:
        archive_path.write_bytes(archive_path.read_bytes()[:-20])
        with pytest.raises(ValueError, match=r"aclImdb_v1\.tar\.gz: expected a whole archive"):
            imdb.get_word_index()

    def test_no_archive(self, data_folder) -> None:
        (data_folder / imdb.FILE_NAME).write_bytes(b"<html>not found</html>")
        with pytest.raises(ValueError, match=r"aclImdb_v1\.tar\.gz: expected a whole archive"):
            imdb.load_data()

    def test_a_review_that_is_not_utf8(self, data_folder, write_tar) -> None:
        broken = [(name, b"\xe9t\xe9" if name.endswith("test/neg/0_1.txt") else text) for name, text in members()]
        write_tar(data_folder / imdb.FILE_NAME, broken)
        with pytest.raises(ValueError, match=r"expected UTF-8 in 'aclImdb/test/neg/0_1\.txt'"):
            imdb.load_data()

    def test_absent_and_offline(self, downloads: list[str]) -> None:
        with pytest.raises(FileNotFoundError, match=r"Put aclImdb_v1\.tar\.gz into .* set RNNFAST_DATA"):
            imdb.load_data()
        assert downloads == ["https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"]

    def test_a_download_is_checked_before_it_is_kept(self, monkeypatch, write_tar, tmp_path: Path) -> None:
        content = write_tar(tmp_path / "bad.tar.gz", members()[1:]).read_bytes()
        monkeypatch.setattr("pooch.HTTPDownloader.__call__", lambda self, url, file, _: Path(file).write_bytes(content))
        with pytest.raises(ValueError, match="expected 3 reviews in aclImdb/train/pos, got 2"):
            imdb.load_data()


@pytest.fixture(scope="module")
def real(find_data, real_cache: Path):
    """The real reviews and word index."""
    path = find_data(imdb.FILE_NAME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(real_cache))
        patch.setenv(locate.VARIABLE, str(path.parent))
        patch.setattr(imdb, "REVIEWS_PER_FOLDER", 12_500)
        data = imdb.load_data(num_words=20_000)
        assert (cache.folder() / "imdb.npz").is_file()
        return data, imdb.get_word_index()


class TestRealReviews:
    """Figures that anyone gets from `keras.datasets.imdb`."""

    def test_counts_and_labels(self, real) -> None:
        (_, y_train), (_, y_test) = real[0]
        for y in (y_train, y_test):
            assert y.shape == (25_000,)
            assert y.sum() == 12_500
        assert y_train[:10].tolist() == [1, 0, 0, 1, 0, 0, 1, 0, 1, 0]

    def test_lengths(self, real) -> None:
        (x_train, _), (x_test, _) = real[0]
        assert [len(review) for review in x_train[:10]] == [218, 189, 141, 550, 147, 43, 123, 562, 233, 130]
        lengths = np.array([len(review) for review in [*x_train, *x_test]])
        assert lengths[:25_000].mean() == pytest.approx(238.71364, abs=1e-9)
        assert lengths[25_000:].mean() == pytest.approx(230.8042, abs=1e-9)
        assert lengths.std() == pytest.approx(172.911495, abs=1e-6)

    def test_the_most_frequent_words(self, real) -> None:
        words = ["the", "and", "a", "of", "to", "is", "br", "in", "it", "i", "this", "that", "was", "as", "for", "with"]
        assert list(real[1])[:16] == words
        assert len(real[1]) == 88_584

    def test_the_limit(self, real) -> None:
        (x_train, _), (x_test, _) = real[0]
        used = {id for review in [*x_train, *x_test] for id in review}
        assert used == {1, 2, *range(4, 20_000)}
        assert len(used) - 2 == 19_996

    def test_the_first_review(self, real) -> None:
        (x_train, _), (x_test, _) = real[0]
        words = {rank + 3: word for word, rank in real[1].items()}
        assert " ".join(words[id] for id in x_train[0][1:9]) == "this film was just brilliant casting location scenery"
        assert " ".join(words[id] for id in x_test[0][1:9]) == "please give this one a miss br br"
        # "brilliant", Keras's 530, shares its count with another word; the words before it leave no choice.
        assert x_train[0][:5] == [1, 14, 22, 16, 43]

    def test_a_row_that_keras_gives(self, real) -> None:
        (x_train, _), _ = real[0]
        # Row 123 of keras.datasets.imdb at num_words=20000, padded to 30, as course notes print it.
        published = [219, 141, 35, 221, 956, 54, 13, 16, 11, 2714, 61, 322, 423, 12, 38]
        published += [76, 59, 1803, 72, 8, 10508, 23, 5, 967, 12, 38, 85, 62, 358, 99]
        row = pad_sequences(x_train, maxlen=30)[123]
        # Ids may differ among words of equal count, and nowhere else.
        counts = np.bincount(np.concatenate(x_train))
        assert counts[row].tolist() == counts[published].tolist()
        assert (row == published).mean() > 0.7
