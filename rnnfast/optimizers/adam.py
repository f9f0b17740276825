"""Adam (Kingma and Ba, 2015), as Keras 3 has it."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.optimizers.base import Optimizer, Slots
from rnnfast.schedules import Schedule
from rnnfast.typing import Array


class Adam(Optimizer):
    """Gradient descent along a running mean of the gradient, scaled by a running root mean square:

        m <- m + (g - m) (1 - beta_1)
        v <- v + (g^2 - v) (1 - beta_2)
        w <- w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)

    An embedding is updated densely, for a row goes on moving after its last gradient, by steps that depend on all
    of v.

    Args:
        learning_rate: at least 0, or a Schedule.
        beta_1, beta_2: in 0..1, below 1.
        epsilon: at least 0.
        clipvalue, clipnorm, global_clipnorm: see Optimizer.
    """

    lazy: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        clipvalue: float | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipvalue=clipvalue, clipnorm=clipnorm, global_clipnorm=global_clipnorm)
        self.beta_1 = check_number("beta_1", beta_1, low=0, below=1)
        self.beta_2 = check_number("beta_2", beta_2, low=0, below=1)
        self.epsilon = check_number("epsilon", epsilon, low=0)

    def slots(self) -> dict[str, float]:
        return {"mean_gradient": 0.0, "accumulator": 0.0}

    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        mean, accumulator = slots["mean_gradient"], slots["accumulator"]
        np.subtract(gradient, mean, out=scratch)
        scratch *= 1 - self.beta_1
        mean += scratch
        gradient *= gradient
        gradient -= accumulator
        gradient *= 1 - self.beta_2
        accumulator += gradient
        np.sqrt(accumulator, out=scratch)
        scratch += self.epsilon
        bias_1, bias_2 = 1 - self.beta_1**self.iterations, 1 - self.beta_2**self.iterations
        np.multiply(mean, self.learning_rate * math.sqrt(bias_2) / bias_1, out=gradient)
        gradient /= scratch
        weights -= gradient
