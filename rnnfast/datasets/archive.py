"""Reading archives that nobody vouches for: in memory, with every member looked at before it is used.

Each function raises ArchiveError, a ValueError, with the path and what was wrong, for a file that is truncated or
otherwise damaged, that is no archive, or that has a member which would leave the folder it was unpacked in: an
absolute path, one with "..", a link or a device. Nothing is written to disk, so such a member could do no harm here;
it says that the archive is not the published one.
"""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Far above any member that is read (the longest is half a megabyte), far below what would fill the memory.
LARGEST_MEMBER = 1 << 24

# An absolute path, a drive, or a step up; either slash separates, as on Windows.
_LEAVES_FOLDER = re.compile(r"[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)", re.DOTALL)


class ArchiveError(ValueError):
    """An archive that is damaged, or not the one that was published."""


def tar_texts(path: Path, wanted: re.Pattern[str]) -> dict[str, str]:
    """The UTF-8 text of every file whose whole path matches `wanted`, from a .tar.gz, in the order found."""
    texts: dict[str, str] = {}
    # The tar reader stops at the end mark, and at a header that it cannot read; only the gzip stream knows, by its
    # checksum, whether all of it was well. So it is opened apart, and read to its end.
    with _opened(path) as file, gzip.open(file) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            _check_name(path, member.name)
            if not (member.isfile() or member.isdir()):
                raise ArchiveError(f"{path}: expected files and folders only, got a link or device {member.name!r}")
            name = member.name.removeprefix("./")
            if not (member.isfile() and wanted.fullmatch(name)):
                continue
            _check_size(path, name, member.size)
            if name in texts:
                raise ArchiveError(f"{path}: expected one member {name!r}, got several")
            content = tar.extractfile(member)
            assert content is not None  # of a regular file it never is
            texts[name] = _decode(path, name, content.read())
        while stream.read(1 << 20):
            pass
    return texts


def zip_text(path: Path, wanted: str) -> str:
    """The UTF-8 text of the member `wanted` of a .zip."""
    with _opened(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        for member in members:
            _check_name(path, member.filename)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ArchiveError(f"{path}: expected files and folders only, got a link {member.filename!r}")
        found = [member for member in members if member.filename == wanted]
        if len(found) != 1:
            raise ArchiveError(f"{path}: expected one member {wanted!r}, got {len(found)}")
        _check_size(path, wanted, found[0].file_size)
        return _decode(path, wanted, archive.read(found[0]))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        try:
            yield file
        except ArchiveError:
            raise
        except Exception as error:  # damage makes the readers raise a dozen types, OSError and ValueError among them
            raise ArchiveError(f"{path}: expected a whole archive, got one that is damaged ({error})") from error


def _check_name(path: Path, name: str) -> None:
    if _LEAVES_FOLDER.match(name):
        raise ArchiveError(f"{path}: expected members that stay inside the folder, got {name!r}")


def _check_size(path: Path, name: str, size: int) -> None:
    if size > LARGEST_MEMBER:
        raise ArchiveError(f"{path}: expected at most {LARGEST_MEMBER} bytes in {name!r}, got {size}")


def _decode(path: Path, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{path}: expected UTF-8 in {name!r}, got {error}") from error
