"""Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as Keras 3 has it."""

from __future__ import annotations

from rnnfast.arguments import check_number
from rnnfast.optimizers.adam import Adam
from rnnfast.optimizers.base import Slots
from rnnfast.schedules import Schedule
from rnnfast.typing import Array


class AdamW(Adam):
    """Adam, and before each step, for every weight, biases and embeddings too:

        w <- w - learning_rate weight_decay w

    Args:
        learning_rate, beta_1, beta_2, epsilon: see Adam.
        weight_decay: at least 0. torch has 0.01 here by default.
        clipvalue, clipnorm, global_clipnorm: see Optimizer.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        weight_decay: float = 4e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        clipvalue: float | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            clipvalue=clipvalue,
            clipnorm=clipnorm,
            global_clipnorm=global_clipnorm,
        )
        self.weight_decay = check_number("weight_decay", weight_decay, low=0)

    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        weights *= 1 - self.learning_rate * self.weight_decay
        super().update(weights, gradient, slots, scratch)
