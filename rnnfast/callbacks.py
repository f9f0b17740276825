"""What happens around epochs and batches of `fit`: the history, a progress bar, lines of text, or your own."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from rnnfast.model import Sequential

Logs = dict[str, float]
"""Running means since the start of the epoch: "loss", the metrics, and at its end the same with "val_"."""


class Callback:
    """Hooks that `fit` calls, by the names that Keras uses; override what you need.

    Attributes:
        model: the model that is being fitted; set its `stop_training` to end after the epoch.
        params: {"epochs": int, "steps": int, the number of batches in an epoch}.
    """

    model: Sequential
    params: dict[str, int]

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before epoch number `epoch`, from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After the epoch and its validation."""

    def on_train_batch_begin(self, batch: int) -> None:
        """Before batch number `batch` of the epoch, from 0."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After the batch."""

    def close(self) -> None:
        """At the very end of `fit`, also when it is left through an exception."""


HOOKS = (*(name for name in vars(Callback) if name.startswith("on_")), "close")


class Hooks:
    """The hooks that a list of callbacks really overrides: the others cost nothing."""

    def __init__(self, callbacks: Sequence[Callback], model: Sequential, params: dict[str, int]) -> None:
        for callback in callbacks:
            callback.model, callback.params = model, params
        self._overridden = {
            hook: [
                getattr(callback, hook)
                for callback in callbacks
                if getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)
            ]
            for hook in HOOKS
        }

    def has(self, hook: str) -> bool:
        """Whether anybody listens."""
        return bool(self._overridden[hook])

    def call(self, hook: str, *arguments: Any) -> None:
        """Calls the hook of every callback that has it, in their order."""
        for method in self._overridden[hook]:
            method(*arguments)


class History(Callback):
    """What `fit` returns.

    Attributes:
        epoch: numbers of the epochs.
        history: for "loss", each metric and the same with "val_", one value an epoch.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


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
        self._next_refresh = 0.0

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if self._progress is not None and time.perf_counter() >= self._next_refresh:
            self._draw(self._progress, batch + 1, logs)
            self._next_refresh = time.perf_counter() + self.REFRESH_SECONDS

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._progress is not None:
            self._draw(self._progress, self.params["steps"], logs)
            self.close()

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _draw(self, progress: Progress, completed: int, logs: Logs) -> None:
        progress.update(self._task, completed=completed, means=describe(logs), refresh=True)


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
