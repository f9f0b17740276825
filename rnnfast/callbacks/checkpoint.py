"""Models saved while `fit` runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rnnfast.arguments import check_flag, check_number
from rnnfast.callbacks.base import Logs
from rnnfast.callbacks.monitor import Monitor
from rnnfast.problem import check_size


class ModelCheckpoint(Monitor):
    """Saves the model after every epoch or every so many batches, with all that `Sequential.save` keeps.

    A run that loads what was saved after an epoch goes on from there; the callbacks begin anew. What callbacks that
    stand behind this one do after the epoch is not in the file.

    Args:
        filepath: where to; "{epoch:02d}", the number of the epoch from 1, and the logs, as "{val_loss:.3f}", may stand
            in it. Folders are made.
        monitor, mode: see Monitor; for save_best_only.
        save_weights_only: save the weights alone, as `Sequential.save_weights` does.
        save_best_only: save only after an epoch that is better than all before.
        save_freq: "epoch", or a number of batches, counted over epochs.
        initial_value_threshold: what the first epoch must be better than; None for any. For save_best_only.

    Raises:
        ImportError: safetensors is not installed. ValueError, TypeError: an option out of range. `fit` raises
        ValueError, before it trains, if something unknown stands in the path, and TypeError if the model cannot be
        saved; see `Sequential.save`.
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        *,
        save_weights_only: bool = False,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode=mode)
        if find_spec("safetensors") is None:
            raise ImportError("model files need safetensors: pip install 'rnnfast[train]'")
        self.filepath = str(filepath)
        self.save_weights_only = check_flag("save_weights_only", save_weights_only)
        self.save_best_only = check_flag("save_best_only", save_best_only)
        self.every_batches = None if save_freq == "epoch" else save_freq
        if self.every_batches is not None:
            check_size("save_freq", save_freq)
            if save_best_only:
                raise ValueError(f"save_freq: expected 'epoch' with save_best_only, got {save_freq}")
        if initial_value_threshold is not None:
            check_number("initial_value_threshold", initial_value_threshold)
        self.initial_value_threshold = initial_value_threshold
        self._batches = 0

    def on_train_begin(self) -> None:
        if self.save_best_only:
            super().on_train_begin()
            self.best = self.initial_value_threshold
        if not self.save_weights_only:
            self.model.get_config()
            self.model.get_compile_config()
        names = self.log_names if self.every_batches is None else self.model.metrics_names
        try:
            self._path(0, dict.fromkeys(names, 0.0))
        except (AttributeError, IndexError, KeyError, ValueError) as error:
            raise ValueError(
                f"filepath: expected epoch and {', '.join(names)} in its braces, got {self.filepath!r} ({error!r})"
            ) from error

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._batches += 1
        if self.every_batches is not None and self._batches % int(self.every_batches) == 0:
            self._save(self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.every_batches is not None:
            return
        if self.save_best_only:
            value = logs[self.monitor]
            if not self.better(value, self.best):
                return
            self.best = value
        self._save(epoch, logs)

    def _path(self, epoch: int, logs: Logs) -> Path:
        return Path(self.filepath.format(epoch=epoch + 1, **logs))

    def _save(self, epoch: int, logs: Logs) -> None:
        path = self._path(epoch, logs)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)
