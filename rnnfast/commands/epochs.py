"""What a training prints and keeps of each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rnnfast.callbacks import Callback, Logs
from rnnfast.typing import Array

# Samples in a batch when nothing is trained: its size changes no result, and large batches are faster.
EVALUATION_BATCH = 1000


@dataclass
class Curves:
    """One value an epoch: mean losses, accuracies 0..1, and the seconds of training alone."""

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class EpochReport(Callback):
    """Times the training of each epoch, then evaluates on the test set, and prints a line.

    For a model with "accuracy" as its only metric. The evaluation is done here, and not by `fit`, to keep it out of
    the time.

    Args:
        test: x and y.
        train: x and y, for figures of the training set by a full pass after the epoch, without dropout; by default
            they are means over the batches while the weights move.
        say: takes the line.

    Attributes:
        curves: the figures so far.
    """

    def __init__(
        self,
        test: tuple[Array, Array],
        *,
        train: tuple[Array, Array] | None = None,
        say: Callable[[str], object] = print,
    ) -> None:
        self._test, self._train, self._say = test, train, say
        self.curves = Curves()

    def on_epoch_begin(self, epoch: int) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        curves = self.curves
        curves.seconds.append(time.perf_counter() - self._start)
        loss, accuracy = logs["loss"], logs["accuracy"]
        if self._train is not None:
            loss, accuracy = self.model.evaluate(*self._train, batch_size=EVALUATION_BATCH)
        test_loss, test_accuracy = self.model.evaluate(*self._test, batch_size=EVALUATION_BATCH)
        curves.train_loss.append(loss)
        curves.train_accuracy.append(accuracy)
        curves.test_loss.append(test_loss)
        curves.test_accuracy.append(test_accuracy)
        self._say(
            f"Epoch {epoch + 1}/{self.params['epochs']}: "
            f"train loss {loss:.4f}, accuracy {accuracy:.4f}; "
            f"test loss {test_loss:.4f}, accuracy {test_accuracy:.4f}; "
            f"{curves.seconds[-1]:.2f} s of training"
        )
