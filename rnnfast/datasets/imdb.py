"""Large Movie Review Dataset: 50,000 film reviews, positive or negative, as lists of word ids.

The data are those of `keras.datasets.imdb`, made anew from the archive of Maas et al. (Learning Word Vectors for
Sentiment Analysis, ACL 2011). With the same arguments the reviews come in the same order, with the same lengths and
labels as from Keras; the ids are the same but among words of equal count, which Keras's published index has in an
order of its own. What that takes, with Keras's published figures that come out only so:

- words by the rules of `rnnfast.text.Tokenizer`, so that "<br />" leaves the word "br" (rank 7), but with A to Z alone
  turned to lower-case, as Python 2 did with bytes: 88,584 words, where Unicode's lower-case gives 88,582;
- ranked over the training reviews alone, and words that none of those has left out of the test reviews: mean lengths
  of 238.71364 and 230.8042 with the start mark;
- reviews sorted by file name, positive ones first, then shuffled by NumPy's legacy generator, training set first: the
  first training review begins "this film was just brilliant".
"""

from __future__ import annotations

import hashlib
import re
from itertools import chain
from pathlib import Path

import numpy as np

from rnnfast.datasets import archive, cache, locate
from rnnfast.problem import check_size
from rnnfast.text import Tokenizer
from rnnfast.typing import Array

FILE_NAME = "aclImdb_v1.tar.gz"
URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
REVIEWS_PER_FOLDER = 12_500

# Part of the cache's key: another number for other words, another order or other arrays.
CACHE_FORMAT = 1

SPLITS = ("train", "test")
LABELS = {"pos": 1, "neg": 0}

# The archive also holds train/unsup, 50,000 reviews without a label, and lists of addresses: all passed over.
_REVIEW = re.compile(r"aclImdb/(train|test)/(pos|neg)/\d+_\d+\.txt")


def load_data(
    num_words: int | None = None,
    *,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int | None = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The reviews and their labels, as `keras.datasets.imdb.load_data` gives them.

    A word's id is its rank plus `index_from`. Ids outside skip_top..num_words-1, the start mark's among them, become
    `oov_char`: with the default index_from, num_words=20000 keeps 19,996 words.

    Two of Keras's ways are not followed, because its documentation says otherwise too: with num_words=None it
    replaces the word of the highest id, and it leaves out reviews of exactly maxlen words.

    Args:
        num_words: ids are below this; at least 1, None keeps all words.
        skip_top: ids are at least this, or `oov_char`; at least 0.
        maxlen: longer reviews are left out, the start mark counted; at least 1, None keeps all.
        seed: of the shuffle, 0 to 2^32 - 1; None for another order each time.
        start_char: put before every review; None for none.
        oov_char: stands for a word that the limits cut out; None leaves such words out. Words that no training
            review has are left out of the test reviews in any case.
        index_from: added to every rank, which counts from 1; at least 0.

    Returns:
        (x_train, y_train), (x_test, y_test): x an object array (n,) of lists of int, for `pad_sequences`; y an int64
        array (n,), 1 for a positive review and 0 for a negative one. n is 25,000 unless `maxlen` leaves some out.

    Raises:
        ValueError: an argument out of its range, no review as short as maxlen, or an archive that is not the
            published one. TypeError: an argument of the wrong type. FileNotFoundError: no archive, with the places
            to put one.
    """
    for name, size in (("num_words", num_words), ("maxlen", maxlen)):
        if size is not None:
            check_size(name, size)
    for name, char in (("start_char", start_char), ("oov_char", oov_char)):
        if char is not None:
            _check_not_negative(name, char)
    _check_not_negative("skip_top", skip_top)
    _check_not_negative("index_from", index_from)
    # The legacy generator, whose bits are frozen: it is what gives Keras's order of the reviews.
    generator = np.random.RandomState(seed)
    stored = _load(*_fields("train"), *_fields("test"))

    def prepared(split: str) -> tuple[Array, Array]:
        ranks, offsets, labels = (stored[field] for field in _fields(split))
        order = np.arange(len(labels))
        generator.shuffle(order)
        if maxlen is not None:
            lengths = np.diff(offsets) - (start_char is None)
            order = order[lengths[order] <= maxlen]
            if not len(order):
                raise ValueError(f"maxlen: expected at least {lengths.min()}, the shortest review, got {maxlen}")

        ids, offsets = _ids(ranks, offsets, num_words, skip_top, start_char, oov_char, index_from)
        bounds = zip(offsets[order].tolist(), offsets[order + 1].tolist(), strict=True)
        x = np.fromiter((ids[first:last].tolist() for first, last in bounds), dtype=object, count=len(order))
        return x, labels[order]

    return prepared("train"), prepared("test")


def _ids(
    ranks: Array,
    offsets: Array,
    num_words: int | None,
    skip_top: int,
    start_char: int | None,
    oov_char: int | None,
    index_from: int,
) -> tuple[Array, Array]:
    """Ranks and offsets, as `_tokenised` gives them, to what `load_data` says; neither is changed."""
    ids = ranks + index_from
    starts = offsets[:-1]
    if start_char is not None:
        ids[starts] = start_char
    stays = ids >= skip_top
    if num_words is not None:
        stays &= ids < num_words
    if oov_char is not None:
        ids[~stays] = oov_char
        stays[:] = True
    if start_char is None:
        stays[starts] = False
    if stays.all():
        return ids, offsets
    return ids[stays], np.concatenate([[0], np.cumsum(stays)])[offsets]


def get_word_index() -> dict[str, int]:
    """The rank of every word of the training reviews, from 1; `load_data` adds `index_from` to it.

    Raises:
        ValueError and FileNotFoundError: as `load_data`.
    """
    words = _load("words")["words"].tobytes().decode("utf-8").split("\n")
    return {word: rank for rank, word in enumerate(words, start=1)}


def _fields(split: str) -> tuple[str, str, str]:
    return f"{split}_ranks", f"{split}_offsets", f"{split}_labels"


def _load(*fields: str) -> dict[str, Array]:
    """Fields of what `_tokenised` gives, from the cache if it was made from the same archive."""
    path = locate.find(FILE_NAME, URL, _read_reviews)
    key = f"format {CACHE_FORMAT} of sha256 {_sha256(path)}"
    arrays = cache.load("imdb", key, fields)
    if arrays is None:
        arrays = _tokenised(path)
        cache.store("imdb", key, arrays)
    return arrays


def _tokenised(path: Path) -> dict[str, Array]:
    """The archive as arrays, ready to be stored.

    Returns:
        For each split: `_ranks`, int32, the ranks of all words of all reviews in a row, with a 0 before each review
        as room for the start mark; `_offsets`, int64 (n + 1,), where each review begins in it; `_labels`, int64 (n,).
        And `words`, uint8: the words in order of rank, in UTF-8, with a newline (which no word has) between two.
    """
    reviews = _read_reviews(path)
    tokenizer = Tokenizer(lower=False)
    tokenizer.fit_on_texts(_ascii_lower(text) for text, _ in reviews["train"])
    arrays = {"words": np.frombuffer("\n".join(tokenizer.word_index).encode("utf-8"), dtype=np.uint8)}
    for split in SPLITS:
        ranks_name, offsets_name, labels_name = _fields(split)
        sequences = tokenizer.texts_to_sequences(_ascii_lower(text) for text, _ in reviews[split])
        arrays[ranks_name] = np.fromiter(chain.from_iterable((0, *ranks) for ranks in sequences), dtype=np.int32)
        arrays[offsets_name] = np.cumsum([0, *(1 + len(ranks) for ranks in sequences)], dtype=np.int64)
        arrays[labels_name] = np.array([label for _, label in reviews[split]], dtype=np.int64)
    return arrays


def _ascii_lower(text: str) -> str:
    return text.encode("utf-8").lower().decode("utf-8")


def _read_reviews(path: Path) -> dict[str, list[tuple[str, int]]]:
    """Text and label of every review of each split, positive ones first and by file name in either half.

    Raises:
        ValueError: as `archive.tar_texts`, or not 12,500 reviews in each of the four folders.
    """
    texts = archive.tar_texts(path, _REVIEW)
    reviews: dict[str, list[tuple[str, int]]] = {split: [] for split in SPLITS}
    for split in SPLITS:
        for folder, label in LABELS.items():
            names = sorted(name for name in texts if name.startswith(f"aclImdb/{split}/{folder}/"))
            if len(names) != REVIEWS_PER_FOLDER:
                raise ValueError(
                    f"{path}: expected {REVIEWS_PER_FOLDER} reviews in aclImdb/{split}/{folder}, got {len(names)}"
                )
            reviews[split] += [(texts[name], label) for name in names]
    return reviews


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _check_not_negative(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < 0:
        raise ValueError(f"{name}: expected at least 0, got {value}")
