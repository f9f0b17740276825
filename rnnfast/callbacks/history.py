"""What was logged: for `fit` to return, or in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from rnnfast.arguments import check_flag
from rnnfast.callbacks.base import Callback, Logs
from rnnfast.files import write_whole


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


class CSVLogger(Callback):
    """Writes a row after every epoch, its number from 0 and the logs, below a header.

    The file is whole at any moment: it is replaced by one that is longer by a row.

    Args:
        filename: where to write; its folder is there.
        separator: one character.
        append: go on with a file that is there and has the same columns; otherwise it is replaced. A second `fit`
            with the same object always goes on.

    Raises:
        ValueError, TypeError: an option out of range. `fit` raises ValueError, before it trains, if the file to go on
        with has other columns, and OSError if it cannot be read or written.
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"separator: expected one character, no quote and no line end, got {separator!r}")
        self.filename = Path(filename)
        self.separator, self.append = separator, check_flag("append", append)

    def on_train_begin(self) -> None:
        self._text = header = self._line(["epoch", *self.log_names])
        if self.append and self.filename.exists():
            self._text = self.filename.read_bytes().decode()
            first = self._text.partition("\n")[0] + "\n"
            if first != header:
                raise ValueError(f"append: expected the columns {header!r} in {self.filename}, got {first!r}")
        self._write("")
        self.append = True

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._write(self._line([epoch, *(logs[name] for name in self.log_names)]))

    def _write(self, line: str) -> None:
        self._text += line
        write_whole(self.filename, self._text.encode())

    def _line(self, cells: Sequence[object]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerow(cells)
        return text.getvalue()
