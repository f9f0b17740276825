"""Finding an archive: in the user's folder, in the cache, or at its official address."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rnnfast.datasets import cache

VARIABLE = "RNNFAST_DATA"


def find(file_name: str, url: str, check: Callable[[Path], object]) -> Path:
    """The path of the archive `file_name`, which is downloaded from `url` into the cache where there is none yet.

    Args:
        file_name: name of the archive, looked for in the folder RNNFAST_DATA and then in the cache.
        url: its official address.
        check: reads an archive and raises ValueError if it is not what it should be; it is called on a download
            before that lands in the cache. An archive that was there already is not checked here.

    Raises:
        FileNotFoundError: there is no archive and it cannot be downloaded, or RNNFAST_DATA is no folder.
        ValueError: the download did not pass the check; nothing of it is kept.
    """
    searched = folders()
    for folder in searched:
        if (folder / file_name).is_file():
            return folder / file_name
    target = cache.folder() / file_name
    try:
        _download(url, target, check)
    except (OSError, ImportError) as error:
        raise FileNotFoundError(
            f"{file_name}: not in {' or '.join(map(str, searched))}, and not to be had from {url} "
            f"({type(error).__name__}: {error}). Put {file_name} into {cache.folder()}, or into any folder and set "
            f"{VARIABLE} to that folder"
        ) from error
    return target


def folders() -> list[Path]:
    """Where data may lie, in the order in which it is looked for; FileNotFoundError if RNNFAST_DATA is no folder."""
    given = os.environ.get(VARIABLE)
    if not given:
        return [cache.folder()]
    if not Path(given).is_dir():
        raise FileNotFoundError(f"{VARIABLE}: expected a folder, got {given!r}")
    return [Path(given), cache.folder()]


def _download(url: str, target: Path, check: Callable[[Path], object]) -> None:
    try:
        import pooch
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
    except ImportError as error:
        raise ImportError(f"{error}; pip install 'rnnfast[train]' brings what a download needs") from error

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with cache.replacing(target) as temporary:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            download = pooch.HTTPDownloader(progressbar=_Bar(progress, target.name), chunk_size=1 << 16)
            download(url, str(temporary), None)
        # No hash is demanded: the publishers give none, and one repacked the same files before. What the archive
        # holds is checked instead, while it still has its temporary name.
        try:
            check(temporary)
        except ValueError as error:
            raise ValueError(f"{url}: the download is not the archive that it should be: {error}") from error


class _Bar:
    """A bar of rich with the four names that pooch calls on a progress bar."""

    def __init__(self, progress: Any, description: str) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=None)
        self._total = 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        self._total = size
        self._progress.update(self._task, total=size or None)  # 0 where the server does not say

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Nothing: the bar is stopped by the block that opened it, also when the download fails."""
