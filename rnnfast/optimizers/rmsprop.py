"""RMSprop (Tieleman and Hinton, 2012), in the variants of Keras 3, of TensorFlow 1 and of torch."""

from __future__ import annotations

import numpy as np

from rnnfast import rows as row_operations
from rnnfast.arguments import check_flag, check_number
from rnnfast.optimizers.base import Optimizer, Slots, Table
from rnnfast.schedules import Schedule
from rnnfast.typing import Array


class RMSprop(Optimizer):
    """Gradient descent, each element scaled by a running root mean square:

        v <- rho v + (1 - rho) g^2
        a <- rho a + (1 - rho) g                     only if centered; otherwise a = 0
        m <- momentum m + learning_rate g / sqrt(v - a^2 + epsilon)
        w <- w - m

    Defaults are those of Keras 3. TensorFlow 1 is `rho=0.9, epsilon=1e-10, initial_accumulator=1.0`; tf.keras up to
    2.10 and torch have `epsilon_inside=False`. With v starting at 0 the first step is about
    learning_rate / sqrt(1 - rho) whatever the size of the gradient; starting at 1 it is about learning_rate g.

    Args:
        learning_rate: at least 0, or a Schedule.
        rho: in 0..1.
        momentum: in 0..1, below 1.
        epsilon: at least 0.
        centered: as above.
        epsilon_inside: add epsilon inside the root, else outside.
        initial_accumulator: the first v, at least 0.
        clipvalue, clipnorm, global_clipnorm: see Optimizer.
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        epsilon_inside: bool = True,
        initial_accumulator: float = 0.0,
        clipvalue: float | None = None,
        clipnorm: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clipvalue=clipvalue, clipnorm=clipnorm, global_clipnorm=global_clipnorm)
        self.rho = check_number("rho", rho, low=0, high=1)
        self.momentum = check_number("momentum", momentum, low=0, below=1)
        self.epsilon = check_number("epsilon", epsilon, low=0)
        self.centered = check_flag("centered", centered)
        self.epsilon_inside = check_flag("epsilon_inside", epsilon_inside)
        self.initial_accumulator = check_number("initial_accumulator", initial_accumulator, low=0)

    def slots(self) -> dict[str, float]:
        slots = {"accumulator": self.initial_accumulator}
        if self.centered:
            slots["mean_gradient"] = 0.0
        if self.momentum:
            slots["velocity"] = 0.0
        return slots

    def owes(self) -> bool:
        return self.momentum > 0

    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        fresh = 1 - self.rho
        accumulator = slots["accumulator"]
        accumulator *= self.rho
        np.multiply(gradient, gradient, out=scratch)
        scratch *= fresh
        accumulator += scratch
        if self.centered:
            mean = slots["mean_gradient"]
            mean *= self.rho
            np.multiply(gradient, fresh, out=scratch)
            mean += scratch
            np.multiply(mean, mean, out=scratch)
            np.subtract(accumulator, scratch, out=scratch)
        else:
            np.copyto(scratch, accumulator)
        if self.epsilon_inside:
            scratch += self.epsilon
        np.sqrt(scratch, out=scratch)
        if not self.epsilon_inside:
            scratch += self.epsilon
        gradient *= self.learning_rate
        gradient /= scratch
        if self.momentum:
            velocity = slots["velocity"]
            velocity *= self.momentum
            velocity += gradient
            weights -= velocity
        else:
            weights -= gradient

    def update_rows(self, table: Table, rows: Array, sums: Array) -> None:
        table.parameter.home.rows.rmsprop_rows(
            table.parameter.value,
            table.slots["accumulator"],
            table.slots.get("mean_gradient"),
            table.slots.get("velocity"),
            table.last_step,
            rows,
            sums,
            step=self.iterations,
            learning_rate=self.learning_rate,
            rho=self.rho,
            momentum=self.momentum,
            epsilon=self.epsilon,
            epsilon_inside=self.epsilon_inside,
        )

    def settle_rows(self, table: Table, rows: Array) -> None:
        row_operations.rmsprop_settle(
            table.parameter.value,
            table.slots["accumulator"],
            table.slots.get("mean_gradient"),
            table.slots.get("velocity"),
            table.last_step,
            rows,
            step=self.iterations,
            rho=self.rho,
            momentum=self.momentum,
        )
