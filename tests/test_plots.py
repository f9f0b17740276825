from __future__ import annotations

from pathlib import Path

import pytest

from rnnfast import plots


@pytest.mark.parametrize("epochs", [1, 3])
def test_two_curves(tmp_path: Path, png_size, epochs: int) -> None:
    path = tmp_path / "new" / "folder" / "loss.png"
    plots.train_and_test(path, [0.5] * epochs, [0.6] * epochs, title="Loss", ylabel="Loss")
    assert png_size(path) == (768, 576)
    assert list(path.parent.iterdir()) == [path]


def test_the_styles_of_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: figures.append(figure))
    plots.train_and_test(tmp_path / "x.png", [1, 2], [3, 4], title="Softmax Loss", ylabel="Loss")
    (axes,) = figures[0].axes
    train, test = axes.lines
    assert (train.get_color(), train.get_linestyle(), list(train.get_ydata())) == ("k", "--", [1, 2])
    assert (test.get_color(), test.get_linestyle(), list(test.get_ydata())) == ("r", "-", [3, 4])
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("Softmax Loss", "Epochs", "Loss")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Train Set", "Test Set"]


def test_a_plot_grows_with_the_runs(tmp_path: Path, png_size) -> None:
    heights = []
    for count in (1, 12):
        path = tmp_path / f"{count}.png"
        plots.accuracy_and_time(path, [f"hidden={i}" for i in range(count)], [0.7] * count, [1.5] * count)
        heights.append(png_size(path)[1])
    assert heights[1] > 2 * heights[0]
