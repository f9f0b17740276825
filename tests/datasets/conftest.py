"""An empty cache, no network, and archives made on the spot."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pooch
import pytest

from rnnfast.datasets import locate


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that holds rnnfast's cache in this test; nothing is in it yet, and no other data are in reach."""
    home = tmp_path / "cache-home"
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    monkeypatch.delenv(locate.VARIABLE, raising=False)
    return home


@pytest.fixture(autouse=True)
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were asked for: each download fails as it does without a network."""
    asked: list[str] = []

    def unreachable(self: pooch.HTTPDownloader, url: str, output_file: str, pooch: None) -> None:
        asked.append(url)
        raise ConnectionError("no network in tests")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", unreachable)
    return asked


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that RNNFAST_DATA names."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv(locate.VARIABLE, str(folder))
    return folder


def _tar(path: Path, members: Iterable[tuple[str | tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def _zip(path: Path, members: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="session")
def write_tar() -> Callable[..., Path]:
    """Writes a .tar.gz of (name or TarInfo, content) pairs."""
    return _tar


@pytest.fixture(scope="session")
def write_zip() -> Callable[..., Path]:
    """Writes a .zip of (name or ZipInfo, content) pairs."""
    return _zip


@pytest.fixture
def files_below() -> Callable[[Path], list[str]]:
    """Names of all files in a folder and those below it."""
    return lambda folder: sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
