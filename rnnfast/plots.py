"""The plots of the command line, as PNG files that appear whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnfast.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN_STYLE, TEST_STYLE = "k--", "r-"


def train_and_test(
    path: Path,
    train: Sequence[float],
    test: Sequence[float],
    *,
    title: str,
    ylabel: str,
    epochs: Sequence[float] | None = None,
    labels: tuple[str, str] = ("Train Set", "Test Set"),
) -> None:
    """Two curves over epochs, by default 1, 2, ...; the training set dashed black, the test set red."""
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = _figure(1, (6.4, 4.8))
    # A single epoch has no line to draw.
    marker = "o" if len(train) == 1 else ""
    places = range(1, len(train) + 1) if epochs is None else epochs
    axes.plot(places, train, TRAIN_STYLE, marker=marker, label=labels[0])
    axes.plot(places, test, TEST_STYLE, marker=marker, label=labels[1])
    axes.set(title=title, xlabel="Epochs", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(train) == 1:
        axes.set_xlim(places[0] - 1, places[0] + 1)
    axes.legend()
    _save(figure, path)


def accuracy_and_time(path: Path, labels: Sequence[str], accuracies: Sequence[float], seconds: Sequence[float]) -> None:
    """For each labelled run its test accuracy 0..1 as a dot and its training time in seconds as a bar."""
    figure, (left, right) = _figure(2, (9, 1.6 + 0.32 * len(labels)))
    places = range(len(labels))
    left.plot(accuracies, places, "ro")
    left.set(title="Test Accuracy", xlabel="Accuracy")
    left.set_yticks(places, labels)
    left.grid(axis="x", alpha=0.4)
    left.margins(x=0.2)
    right.bar_label(right.barh(places, seconds, color="0.6"), fmt="%.2f", padding=3)
    right.set(title="Run Time", xlabel="Seconds of training")
    right.set_yticks([])
    right.margins(x=0.2)
    for place, accuracy in zip(places, accuracies, strict=True):
        left.annotate(f"{accuracy:.3f}", (accuracy, place), (7, 0), textcoords="offset points", va="center", fontsize=9)
    for axes in (left, right):
        axes.set_ylim(len(labels) - 0.5, -0.5)  # the first run on top, as in the table
    _save(figure, path)


def _figure(columns: int, inches: tuple[float, float]) -> tuple[Figure, Sequence[Axes]]:
    """A figure that belongs to no window system and no global state of pyplot, drawn by Agg."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def _save(figure: Figure, path: Path) -> None:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, image.getvalue())
