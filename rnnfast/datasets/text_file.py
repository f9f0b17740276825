"""A text file of the user's own, plain or compressed."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from rnnfast.datasets.locate import folders


def read(path: str | Path) -> str:
    """The text of a UTF-8 file, or of one compressed by gzip, whose name then ends in .gz.

    Args:
        path: the file; a bare name is also looked for in the folder RNNFAST_DATA and in the cache.

    Raises:
        FileNotFoundError: there is none, or RNNFAST_DATA is no folder. OSError: it cannot be read.
        ValueError: it is empty, no UTF-8, or damaged.
    """
    path = Path(path)
    if not path.exists() and path.name == str(path):
        path = next((folder / path for folder in folders() if (folder / path).is_file()), path)
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: expected a whole gzip file, got one that is damaged ({error})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: expected UTF-8, got {error}") from error
    if not text:
        raise ValueError(f"{path}: expected a text, got an empty file")
    return text
