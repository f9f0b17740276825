"""What is shown while `fit` runs: a progress bar, or lines of text."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from rnnfast.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


class EpochLines(Callback):
    """Prints one line after every epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        seconds = time.perf_counter() - self._start
        print(f"Epoch {epoch + 1}/{self.params['epochs']} - {seconds:.2f}s - {describe(logs)}")


class ProgressBar(Callback):
    """One bar an epoch, with the running means; silent where the output is neither a terminal nor a notebook.

    Args:
        console: the rich Console to draw on; by default one on the standard output.

    Raises:
        ImportError: rich is not installed.
    """

    REFRESH_SECONDS: ClassVar[float] = 0.1

    def __init__(self, console: Console | None = None) -> None:
        if find_spec("rich") is None:
            raise ImportError("a progress bar needs rich: pip install 'rnnfast[train]'")
        from rich.console import Console

        self._console = console or Console()
        self._visible = self._console.is_jupyter or (self._console.is_terminal if console else sys.stdout.isatty())
        self._progress: Progress | None = None

    def on_epoch_begin(self, epoch: int) -> None:
        if not self._visible:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("Epoch {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[means]}"),
            console=self._console,
            auto_refresh=False,  # no second thread beside the kernels'
        )
        self._progress.start()
        self._task = self._progress.add_task(
            f"{epoch + 1}/{self.params['epochs']}", total=self.params["steps"], means=""
        )
        self._next_refresh, self._completed = 0.0, 0

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._completed = batch + 1
        if self._progress is not None and time.perf_counter() >= self._next_refresh:
            self._draw(self._progress, logs)
            self._next_refresh = time.perf_counter() + self.REFRESH_SECONDS

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._progress is not None:
            self._draw(self._progress, logs)
            self.close()

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _draw(self, progress: Progress, logs: Logs) -> None:
        progress.update(self._task, completed=self._completed, means=describe(logs), refresh=True)


VERBOSITIES: tuple[tuple[type[Callback], ...], ...] = ((), (ProgressBar,), (EpochLines,))
"""What `verbose` 0, 1 and 2 stand for."""


def describe(logs: Logs) -> str:
    """ "loss: 0.6931 - accuracy: 0.5000" """
    return " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())


def for_verbosity(verbose: str | int) -> list[Callback]:
    """The callbacks that the argument `verbose` of `fit` stands for.

    0: none. 1: a progress bar. 2: a line an epoch. "auto": on a terminal a progress bar, or without rich lines;
    elsewhere none.

    Raises:
        ValueError: another value. ImportError: 1, and rich is not installed.
    """
    if isinstance(verbose, bool) or verbose not in (0, 1, 2, "auto"):
        raise ValueError(f"verbose: expected 0, 1, 2 or 'auto', got {verbose!r}")
    if verbose == "auto":
        verbose = 0 if not sys.stdout.isatty() else 1 if find_spec("rich") else 2
    return [kind() for kind in VERBOSITIES[int(verbose)]]
