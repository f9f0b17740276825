"""SMS Spam Collection: 5,574 short messages, ham or spam, as padded word ids.

Almeida, Gómez Hidalgo and Yamakami, Contributions to the Study of SMS Spam Filtering (DocEng 2011); the archive is
the one of the UCI repository. Reading and tokenising it takes a fraction of a second, so nothing but a downloaded
archive is cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnfast.datasets import archive, locate
from rnnfast.problem import check_size
from rnnfast.text import Tokenizer, clean_text, pad_sequences
from rnnfast.typing import Array, Seed

FILE_NAME = "smsspamcollection.zip"
URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/00228/smsspamcollection.zip"
MEMBER = "SMSSpamCollection"
MESSAGES = 5_574

LABELS = {"ham": 1, "spam": 0}


@dataclass(frozen=True, eq=False)
class SmsSpam:
    """The messages as `load_data` prepares them.

    Attributes:
        texts: the n cleaned texts, in the order of the file.
        word_index: the id of each word of them, from 1, in order of rank.
        x_train, x_test: word ids, int32 (n_train, maxlen) and (n_test, maxlen), 0 past the end of a message.
        y_train, y_test: labels, int64 (n_train,) and (n_test,): 1 for ham and 0 for spam.
    """

    texts: list[str]
    word_index: dict[str, int]
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    @property
    def vocabulary_size(self) -> int:
        """Number of different words."""
        return len(self.word_index)

    @property
    def input_dim(self) -> int:
        """Rows of the embedding that reads the ids: the words and the padding."""
        return self.vocabulary_size + 1

    @property
    def shape(self) -> tuple[int, int]:
        """(n, maxlen): shape of the training and test ids together."""
        return len(self.texts), int(self.x_train.shape[1])


def load_data(
    *,
    maxlen: int = 25,
    train_fraction: float = 0.8,
    padding: str = "post",
    truncating: str = "pre",
    seed: Seed = 0,
) -> SmsSpam:
    """The messages cleaned, as word ids padded to one length, shuffled and split in two.

    Characters outside ASCII are dropped, then `clean_text` and a `Tokenizer` without a limit are applied to all
    messages, training and test alike.

    Args:
        maxlen: steps of each sequence, at least 1.
        train_fraction: part of the messages to train on, above 0 and below 1, rounded down to whole messages.
        padding, truncating: as `pad_sequences`; by default zeros follow a short message, and of a long one the last
            `maxlen` words are kept.
        seed: of the shuffle.

    Raises:
        ValueError: an argument out of its range, or an archive that is not the published one. TypeError: an argument
            of the wrong type. FileNotFoundError: no archive, with the places to put one.
    """
    check_size("maxlen", maxlen)
    if not 0 < train_fraction < 1:
        raise ValueError(f"train_fraction: expected a number above 0 and below 1, got {train_fraction!r}")
    generator = np.random.default_rng(seed)

    raw_texts, labels = load_texts()
    texts = [clean_text(text.encode("ascii", errors="ignore").decode("ascii")) for text in raw_texts]
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(texts)
    x = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen, padding=padding, truncating=truncating)
    order = generator.permutation(len(texts))
    train, test = np.split(order, [int(len(texts) * train_fraction)])
    return SmsSpam(
        texts=texts,
        word_index=tokenizer.word_index,
        x_train=x[train],
        y_train=labels[train],
        x_test=x[test],
        y_test=labels[test],
    )


def load_texts() -> tuple[list[str], Array]:
    """The messages as they are in the file, and their labels.

    Returns:
        n texts, and int64 (n,): 1 for ham and 0 for spam.

    Raises:
        ValueError and FileNotFoundError: as `load_data`.
    """
    return _read_messages(locate.find(FILE_NAME, URL, _read_messages))


def _read_messages(path: Path) -> tuple[list[str], Array]:
    texts: list[str] = []
    labels: list[int] = []
    # Not splitlines: it also splits at characters that stand inside a message.
    for number, line in enumerate(archive.zip_text(path, MEMBER).split("\n"), start=1):
        if not line:
            continue
        label, tab, text = line.partition("\t")
        if label not in LABELS or not tab:
            raise ValueError(f"{path}: expected 'ham' or 'spam' and a tab in line {number}, got {line[:40]!r}")
        texts.append(text)
        labels.append(LABELS[label])
    if len(texts) != MESSAGES:
        raise ValueError(f"{path}: expected {MESSAGES} messages, got {len(texts)}")
    return texts, np.array(labels, dtype=np.int64)
