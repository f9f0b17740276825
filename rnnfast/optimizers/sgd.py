"""Stochastic gradient descent, with momentum as Keras 3 has it."""

from __future__ import annotations

import numpy as np

from rnnfast import rows as row_operations
from rnnfast.arguments import check_flag, check_number
from rnnfast.optimizers.base import Optimizer, Slots, Table
from rnnfast.schedules import Schedule
from rnnfast.typing import Array


class SGD(Optimizer):
    """Gradient descent:

        m <- momentum m - learning_rate g
        w <- w + m                                   or, with nesterov, w + momentum m - learning_rate g

    Args:
        learning_rate: at least 0, or a Schedule.
        momentum: in 0..1, below 1.
        nesterov: as above; without momentum it changes nothing.
        clipvalue, clipnorm, global_clipnorm: see Optimizer.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        clipvalue: float | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipvalue=clipvalue, clipnorm=clipnorm, global_clipnorm=global_clipnorm)
        self.momentum = check_number("momentum", momentum, low=0, below=1)
        self.nesterov = check_flag("nesterov", nesterov)

    def slots(self) -> dict[str, float]:
        return {"velocity": 0.0} if self.momentum else {}

    def owes(self) -> bool:
        return self.momentum > 0

    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        gradient *= self.learning_rate
        if not self.momentum:
            weights -= gradient
            return
        velocity = slots["velocity"]
        velocity *= self.momentum
        velocity -= gradient
        if self.nesterov:
            np.multiply(velocity, self.momentum, out=scratch)
            weights += scratch
            weights -= gradient
        else:
            weights += velocity

    def update_rows(self, table: Table, rows: Array, sums: Array) -> None:
        table.parameter.home.rows.sgd_rows(
            table.parameter.value,
            table.slots.get("velocity"),
            table.last_step,
            rows,
            sums,
            step=self.iterations,
            learning_rate=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
        )

    def settle_rows(self, table: Table, rows: Array) -> None:
        row_operations.sgd_settle(
            table.parameter.value,
            table.slots["velocity"],
            table.last_step,
            rows,
            step=self.iterations,
            momentum=self.momentum,
            nesterov=self.nesterov,
        )
