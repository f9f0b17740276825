"""Training a language model before somebody's eyes: a bar, figures at milestones, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from rnnfast.language_model import Score, Training

if TYPE_CHECKING:
    from rich.console import Console

MILESTONES = (1 / 32, 1 / 16, *(eighth / 8 for eighth in range(1, 9)))
"""Parts of the training after which figures are printed: at first, more happens."""

FIGURES: dict[str, tuple[str, Callable[[Score], float]]] = {
    "character": ("bits per character", lambda score: score.bits_per_character),
    "word": ("perplexity", lambda score: score.perplexity),
}
"""What is shown of a score, for each level."""


class Point(NamedTuple):
    """The scores after `epochs` passes, and fractions of one, over the text; `train` since the point before."""

    epochs: float
    train: Score
    held_out: Score


def train(
    training: Training,
    console: Console,
    *,
    seconds: float | None = None,
    checkpoint: Callable[[], object] | None = None,
    checkpoint_seconds: float = 10.0,
) -> list[Point]:
    """Trains to the end and prints figures as it goes.

    Args:
        training: begun or not.
        console: to print on.
        seconds: end when so many have passed, in place of the epochs of the settings.
        checkpoint: called every `checkpoint_seconds`, and at the end.
        checkpoint_seconds: see there.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    name, figure = FIGURES[training.settings.level]
    columns = TextColumn("Training"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[figure]}")
    points: list[Point] = []
    scores: list[Score] = []
    first, start = training.steps, time.perf_counter()
    next_refresh, next_checkpoint = 0.0, checkpoint_seconds

    def progress() -> float:
        return training.progress if seconds is None else min(1.0, (time.perf_counter() - start) / seconds)

    done = progress()
    milestones = iter([later for later in MILESTONES if later > done])
    milestone = next(milestones, 2.0)
    # No refreshing thread beside those of the kernels.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=1.0, figure="")
        while done < 1:
            scores.append(training.step(done))
            done, elapsed = progress(), time.perf_counter() - start
            if elapsed >= next_refresh:
                bar.update(task, completed=done, figure=f"{figure(scores[-1]):.2f} {name}", refresh=True)
                next_refresh = elapsed + 0.1
            if done >= milestone:
                points.append(Point(training.steps / training.steps_per_epoch, _mean(scores), training.held_out()))
                scores.clear()
                console.print(_line(elapsed, points[-1], training.settings.level))
                milestone = next((later for later in milestones if later > done), 2.0)
            if checkpoint and elapsed >= next_checkpoint:
                checkpoint()
                next_checkpoint = time.perf_counter() - start + checkpoint_seconds
    if checkpoint and training.steps > first:
        checkpoint()
    elapsed = time.perf_counter() - start
    tokens = (training.steps - first) / training.steps_per_epoch * training.tokens_per_epoch
    console.print(f"{elapsed:.1f} s, {tokens / elapsed:,.0f} {training.settings.level}s a second")
    return points


def _mean(scores: list[Score]) -> Score:
    return Score(sum(score.nats for score in scores) / len(scores), scores[0].characters_per_token)


def _line(elapsed: float, point: Point, level: str) -> str:
    name, figure = FIGURES[level]
    return (
        f"{elapsed:5.1f} s, {point.epochs:5.1f} passes: "
        f"{figure(point.train):.3f} {name}, {figure(point.held_out):.3f} held out"
    )
