"""Adagrad (Duchi, Hazan and Singer, 2011), as Keras 3 and torch have it."""

from __future__ import annotations

import numpy as np

from rnnfast.arguments import check_flag, check_number
from rnnfast.optimizers.base import Optimizer, Slots, Table
from rnnfast.rows import gather
from rnnfast.schedules import Schedule
from rnnfast.typing import Array


class Adagrad(Optimizer):
    """Gradient descent, each element scaled by the root of the sum of its squares:

        v <- v + g^2
        w <- w - learning_rate g / sqrt(v + epsilon)

    Defaults are those of Keras 3. torch is `learning_rate=0.01, initial_accumulator_value=0.0, epsilon=1e-10,
    epsilon_inside=False`.

    Args:
        learning_rate: at least 0, or a Schedule.
        initial_accumulator_value: the first v, at least 0.
        epsilon: at least 0.
        epsilon_inside: add epsilon inside the root, else outside.
        clipvalue, clipnorm, global_clipnorm: see Optimizer.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        epsilon_inside: bool = True,
        clipvalue: float | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipvalue=clipvalue, clipnorm=clipnorm, global_clipnorm=global_clipnorm)
        self.initial_accumulator_value = check_number("initial_accumulator_value", initial_accumulator_value, low=0)
        self.epsilon = check_number("epsilon", epsilon, low=0)
        self.epsilon_inside = check_flag("epsilon_inside", epsilon_inside)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        accumulator = slots["accumulator"]
        np.multiply(gradient, gradient, out=scratch)
        accumulator += scratch
        self._scale(gradient, accumulator, scratch)
        weights -= gradient

    def update_rows(self, table: Table, rows: Array, sums: Array) -> None:
        # A row without a gradient does not move, and nothing is owed: the dense update, of the rows alone.
        weights, accumulator = table.parameter.value, table.slots["accumulator"]
        current, put = gather(accumulator, rows), table.parameter.home.rows.put
        current += sums * sums
        put(accumulator, rows, current)
        self._scale(sums, current, current)
        put(weights, rows, gather(weights, rows) - sums)

    def _scale(self, gradient: Array, accumulator: Array, scratch: Array) -> None:
        """gradient <- learning_rate gradient / sqrt(accumulator + epsilon); `scratch` may be the accumulator."""
        np.add(accumulator, self.epsilon if self.epsilon_inside else 0, out=scratch)
        np.sqrt(scratch, out=scratch)
        if not self.epsilon_inside:
            scratch += self.epsilon
        gradient *= self.learning_rate
        gradient /= scratch
