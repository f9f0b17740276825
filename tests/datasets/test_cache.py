"""The cache: whole files or none, and never arrays that are not what was stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnfast.datasets import cache

ARRAYS = {"a": np.arange(12, dtype=np.int32), "b": np.array([[1.5]])}


def stored_file(cache_home: Path) -> Path:
    return cache_home / "rnnfast" / "name.npz"


def test_the_folder_follows_xdg_cache_home(cache_home: Path) -> None:
    assert cache.folder() == cache_home / "rnnfast"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", ".cache/rnnfast"), ("darwin", "Library/Caches/rnnfast"), ("win32", "AppData/Local/rnnfast/Cache")],
)
@pytest.mark.parametrize("xdg", [None, "", "relative"])
def test_the_folder_follows_the_platform(tmp_path, monkeypatch, platform: str, expected: str, xdg: str | None) -> None:
    if xdg is None:
        monkeypatch.delenv("XDG_CACHE_HOME")
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(cache.sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache.folder() == tmp_path / expected


def test_windows_folder_of_the_environment(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(cache.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache.folder() == tmp_path / "rnnfast" / "Cache"


def test_arrays_come_back() -> None:
    cache.store("name", "key", ARRAYS)
    loaded = cache.load("name", "key", ("b", "a"))
    assert loaded is not None
    assert list(loaded) == ["b", "a"]
    for name, array in loaded.items():
        assert array.dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_nothing_stored() -> None:
    assert cache.load("name", "key", ("a",)) is None


def test_another_key_is_stale() -> None:
    cache.store("name", "key", ARRAYS)
    assert cache.load("name", "other key", ("a",)) is None
    cache.store("name", "other key", ARRAYS)
    assert cache.load("name", "other key", ("a",)) is not None


def test_a_missing_field() -> None:
    cache.store("name", "key", ARRAYS)
    assert cache.load("name", "key", ("a", "c")) is None


def test_damage_anywhere_gives_the_stored_arrays_or_none(cache_home: Path) -> None:
    cache.store("name", "key", ARRAYS)
    path = stored_file(cache_home)
    whole = path.read_bytes()
    refused = 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        loaded = cache.load("name", "key", ("a", "b"))
        refused += loaded is None
        for name, array in (loaded or {}).items():
            np.testing.assert_array_equal(array, ARRAYS[name])
    # Dates and attributes may change unseen; the contents may not.
    assert refused > len(whole) / 2


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_truncation(cache_home: Path, length: int) -> None:
    cache.store("name", "key", ARRAYS)
    path = stored_file(cache_home)
    path.write_bytes(path.read_bytes()[:length])
    assert cache.load("name", "key", ("a", "b")) is None


def test_pickled_objects_are_not_read(cache_home: Path) -> None:
    cache.folder().mkdir(parents=True)
    np.savez(stored_file(cache_home), key=np.array("key"), a=np.array([[1], [1, 2]], dtype=object))
    assert cache.load("name", "key", ("a",)) is None


def test_a_cache_that_cannot_be_written_warns(cache_home: Path) -> None:
    cache_home.write_text("a file where the folder should be")
    with pytest.warns(RuntimeWarning, match=r"name\.npz: not cached"):
        cache.store("name", "key", ARRAYS)
    assert cache.load("name", "key", ("a",)) is None


def test_replacing_keeps_the_old_file_until_the_end(tmp_path: Path, files_below) -> None:
    path = tmp_path / "folder" / "file"
    with cache.replacing(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
    with cache.replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == path.parent
        assert path.read_text() == "old"
    assert path.read_text() == "new"

    def interrupted() -> None:
        with cache.replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "new"
    assert files_below(tmp_path) == ["folder/file"]
