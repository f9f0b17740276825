"""Learning rates that depend on the step, with the definitions of Keras 3.

A schedule is given to an optimizer as its `learning_rate`, and called with the number of steps done so far: the first
step has schedule(0).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from rnnfast.arguments import check_count, check_flag, check_number
from rnnfast.configuration import Configurable
from rnnfast.problem import check_size


class Schedule(Configurable, ABC):
    """A learning rate for each step."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The learning rate, at least 0, after `step` steps."""


@dataclass(frozen=True)
class PiecewiseConstantDecay(Schedule):
    """values[i] up to and with step boundaries[i], and the last value after that.

    Args:
        boundaries: steps, rising.
        values: at least 0, one more than boundaries.
    """

    boundaries: Sequence[int]
    values: Sequence[float]

    def __post_init__(self) -> None:
        for boundary in self.boundaries:
            check_count("boundaries", boundary)
        for value in self.values:
            check_number("values", value, low=0)
        if any(later <= first for first, later in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError(f"boundaries: expected rising steps, got {self.boundaries}")
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                f"values: expected {len(self.boundaries) + 1}, one more than boundaries, got {self.values}"
            )
        object.__setattr__(self, "boundaries", tuple(self.boundaries))  # equal ones are so, also from a file's lists
        object.__setattr__(self, "values", tuple(self.values))

    def __call__(self, step: int) -> float:
        return self.values[bisect_left(self.boundaries, step)]


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """initial_learning_rate decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate, decay_rate: at least 0.
        decay_steps: at least 1.
        staircase: round the exponent down, for a drop every decay_steps.
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        check_number("initial_learning_rate", self.initial_learning_rate, low=0)
        check_size("decay_steps", self.decay_steps)
        check_number("decay_rate", self.decay_rate, low=0)
        check_flag("staircase", self.staircase)

    def __call__(self, step: int) -> float:
        exponent = step // self.decay_steps if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate * self.decay_rate**exponent)


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """From `start` in a straight line over `steps` steps to the first of `after`, and then `after` from its beginning.

    Args:
        after: a schedule, or a learning rate that stays.
        steps: at least 1.
        start: at least 0.
    """

    after: Schedule | float
    steps: int
    start: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.after, Schedule):
            check_number("after", self.after, low=0)
        check_size("steps", self.steps)
        check_number("start", self.start, low=0)

    def __call__(self, step: int) -> float:
        later = max(step - self.steps, 0)
        target = self.after(later) if isinstance(self.after, Schedule) else self.after
        return target if step >= self.steps else self.start + (target - self.start) * step / self.steps


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a cosine from a learning rate l over decay_steps to alpha l, which stays (Loshchilov and Hutter, 2017).

    l is initial_learning_rate; with `warmup_target`, as in Keras, it is that, and a LinearWarmup from
    initial_learning_rate comes before.

    Args:
        initial_learning_rate, alpha: at least 0.
        decay_steps: at least 1.
        warmup_target: at least 0; None for no warm-up.
        warmup_steps: at least 1 with warmup_target, else 0.
    """

    initial_learning_rate: float
    decay_steps: int
    alpha: float = 0.0
    warmup_target: float | None = None
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        check_number("initial_learning_rate", self.initial_learning_rate, low=0)
        check_size("decay_steps", self.decay_steps)
        check_number("alpha", self.alpha, low=0)
        if self.warmup_target is not None:
            check_number("warmup_target", self.warmup_target, low=0)
            check_size("warmup_steps", self.warmup_steps)
        elif self.warmup_steps != 0:
            raise ValueError(f"warmup_steps: expected 0 without warmup_target, got {self.warmup_steps}")

    def __call__(self, step: int) -> float:
        if self.warmup_target is not None:
            decay = CosineDecay(self.warmup_target, self.decay_steps, self.alpha)
            return LinearWarmup(decay, self.warmup_steps, self.initial_learning_rate)(step)
        cosine = (1 + math.cos(math.pi * min(step / self.decay_steps, 1))) / 2
        return self.initial_learning_rate * (self.alpha + (1 - self.alpha) * cosine)
