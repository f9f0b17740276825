"""Archives that are damaged or hostile are refused, and nothing is unpacked."""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from rnnfast.datasets import archive

WANTED = re.compile(r"top/\d+\.txt")
GOOD = [("top/0.txt", b"none"), ("top/1.txt", "caf\u00e9".encode()), ("top/list.txt", b"\xff"), ("other", b"\xff")]
LEAVING = ["../out", "top/../../out", "top/..", "/etc/passwd", "\\out", "top\\..\\..\\out", "C:out", "C:\\out"]
STAYING = ["top/..hidden", "top/a..b", "top/...", "./top/x", "top/C:"]


@pytest.fixture(autouse=True)
def folder_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files_below):
    """Nothing is ever unpacked: neither where the archive lies nor in the working directory."""
    working = tmp_path / "working" / "directory"
    working.mkdir(parents=True)
    monkeypatch.chdir(working)
    yield
    assert set(files_below(tmp_path)) <= {"archive"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


class TestTar:
    def test_reads_what_is_wanted(self, path, write_tar) -> None:
        write_tar(path, GOOD)
        assert archive.tar_texts(path, WANTED) == {"top/0.txt": "none", "top/1.txt": "caf\u00e9"}

    def test_a_leading_dot_is_no_other_path(self, path, write_tar) -> None:
        write_tar(path, [("./top/0.txt", b"none")])
        assert archive.tar_texts(path, WANTED) == {"top/0.txt": "none"}

    @pytest.mark.parametrize("name", LEAVING)
    def test_refuses_a_member_that_leaves_the_folder(self, path, write_tar, name: str) -> None:
        write_tar(path, [*GOOD, (name, b"")])
        with pytest.raises(
            archive.ArchiveError, match="expected members that stay inside the folder, got " + re.escape(repr(name))
        ):
            archive.tar_texts(path, WANTED)

    @pytest.mark.parametrize("name", STAYING)
    def test_takes_names_that_only_look_like_it(self, path, write_tar, name: str) -> None:
        write_tar(path, [*GOOD, (name, b"")])
        assert len(archive.tar_texts(path, WANTED)) == 2

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
    def test_refuses_links_and_devices(self, path, write_tar, kind: bytes) -> None:
        write_tar(path, [*GOOD, (special("top/2.txt", kind, "top/0.txt"), b"")])
        with pytest.raises(
            archive.ArchiveError, match=r"expected files and folders only, got a link or device 'top/2.txt'"
        ):
            archive.tar_texts(path, WANTED)

    def test_a_folder_with_a_wanted_name_is_no_text(self, path, write_tar) -> None:
        write_tar(path, [*GOOD, (special("top/2.txt", tarfile.DIRTYPE), b"")])
        assert len(archive.tar_texts(path, WANTED)) == 2

    def test_refuses_a_member_that_comes_twice(self, path, write_tar) -> None:
        write_tar(path, [*GOOD, ("./top/0.txt", b"other")])
        with pytest.raises(archive.ArchiveError, match=r"expected one member 'top/0.txt', got several"):
            archive.tar_texts(path, WANTED)

    def test_refuses_what_is_not_utf8(self, path, write_tar) -> None:
        write_tar(path, [*GOOD, ("top/2.txt", b"\xff")])
        with pytest.raises(archive.ArchiveError, match=r"expected UTF-8 in 'top/2.txt', got .* 0xff"):
            archive.tar_texts(path, WANTED)

    def test_refuses_a_member_that_is_too_large(self, path, write_tar, monkeypatch) -> None:
        monkeypatch.setattr(archive, "LARGEST_MEMBER", 4)
        write_tar(path, GOOD)
        archive.tar_texts(path, re.compile("top/0.txt"))
        with pytest.raises(archive.ArchiveError, match=r"expected at most 4 bytes in 'top/1.txt', got 5"):
            archive.tar_texts(path, re.compile("top/[01].txt"))

    def test_refuses_every_truncation(self, path, write_tar) -> None:
        whole = write_tar(path, GOOD).read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(archive.ArchiveError, match="expected a whole archive"):
                archive.tar_texts(path, WANTED)

    def test_damage_anywhere_gives_the_texts_or_an_error(self, path, write_tar) -> None:
        whole = write_tar(path, GOOD).read_bytes()
        refused = 0
        for position in range(len(whole)):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
            try:
                assert archive.tar_texts(path, WANTED) == {"top/0.txt": "none", "top/1.txt": "caf\u00e9"}
            except archive.ArchiveError:
                refused += 1
        assert refused > len(whole) * 0.8

    def test_damage_under_a_good_checksum_is_refused_or_harmless(self, path, write_tar) -> None:
        whole = gzip.decompress(write_tar(path, GOOD).read_bytes())
        for position in range(0, 2048):
            spoilt = whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :]
            path.write_bytes(gzip.compress(spoilt, 1))
            with suppress(archive.ArchiveError):
                assert set(archive.tar_texts(path, WANTED)) <= {"top/0.txt", "top/1.txt"}

    @pytest.mark.parametrize("content", [b"", b"<html>", gzip.compress(b"x" * 1000), gzip.compress(b"")])
    def test_refuses_what_is_no_archive(self, path, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(archive.ArchiveError, match="expected a whole archive, got one that is damaged"):
            archive.tar_texts(path, WANTED)

    def test_a_file_that_is_not_there_is_not_called_damaged(self, path) -> None:
        with pytest.raises(FileNotFoundError):
            archive.tar_texts(path, WANTED)


class TestZip:
    def test_reads_what_is_wanted(self, path, write_zip) -> None:
        write_zip(path, GOOD)
        assert archive.zip_text(path, "top/1.txt") == "caf\u00e9"

    @pytest.mark.parametrize("name", LEAVING)
    def test_refuses_a_member_that_leaves_the_folder(self, path, write_zip, name: str) -> None:
        write_zip(path, [*GOOD, (name, b"")])
        with pytest.raises(
            archive.ArchiveError, match="expected members that stay inside the folder, got " + re.escape(repr(name))
        ):
            archive.zip_text(path, "top/0.txt")

    @pytest.mark.parametrize("name", STAYING)
    def test_takes_names_that_only_look_like_it(self, path, write_zip, name: str) -> None:
        write_zip(path, [*GOOD, (name, b"")])
        assert archive.zip_text(path, "top/0.txt") == "none"

    def test_refuses_links(self, path, write_zip) -> None:
        link = zipfile.ZipInfo("top/2.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        write_zip(path, [*GOOD, (link, b"/etc/passwd")])
        with pytest.raises(archive.ArchiveError, match=r"expected files and folders only, got a link 'top/2.txt'"):
            archive.zip_text(path, "top/0.txt")

    def test_refuses_a_member_that_is_missing(self, path, write_zip) -> None:
        write_zip(path, GOOD)
        with pytest.raises(archive.ArchiveError, match=r"expected one member 'top/9.txt', got 0"):
            archive.zip_text(path, "top/9.txt")

    def test_refuses_a_member_that_comes_twice(self, path, write_zip) -> None:
        with pytest.warns(UserWarning, match="Duplicate name"):
            write_zip(path, [*GOOD, GOOD[0]])
        with pytest.raises(archive.ArchiveError, match=r"expected one member 'top/0.txt', got 2"):
            archive.zip_text(path, "top/0.txt")

    def test_refuses_what_is_not_utf8(self, path, write_zip) -> None:
        write_zip(path, GOOD)
        with pytest.raises(archive.ArchiveError, match=r"expected UTF-8 in 'other', got .* 0xff"):
            archive.zip_text(path, "other")

    def test_refuses_a_member_that_is_too_large(self, path, write_zip, monkeypatch) -> None:
        monkeypatch.setattr(archive, "LARGEST_MEMBER", 4)
        write_zip(path, GOOD)
        assert archive.zip_text(path, "top/0.txt") == "none"
        with pytest.raises(archive.ArchiveError, match=r"expected at most 4 bytes in 'top/1.txt', got 5"):
            archive.zip_text(path, "top/1.txt")

    def test_refuses_every_truncation(self, path, write_zip) -> None:
        whole = write_zip(path, GOOD).read_bytes()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(archive.ArchiveError, match="expected a whole archive"):
                archive.zip_text(path, "top/0.txt")

    def test_damage_anywhere_gives_the_text_or_an_error(self, path, write_zip) -> None:
        whole = write_zip(path, GOOD).read_bytes()
        refused = 0
        for position in range(len(whole)):
            for mask in (0x01, 0x55, 0xFF):
                path.write_bytes(whole[:position] + bytes([whole[position] ^ mask]) + whole[position + 1 :])
                try:
                    assert archive.zip_text(path, "top/1.txt") == "caf\u00e9"
                except archive.ArchiveError:
                    refused += 1
        assert refused > len(whole) * 0.5

    @pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04"])
    def test_refuses_what_is_no_archive(self, path, content: bytes) -> None:
        path.write_bytes(content)
        with pytest.raises(archive.ArchiveError, match="expected a whole archive, got one that is damaged"):
            archive.zip_text(path, "top/0.txt")
