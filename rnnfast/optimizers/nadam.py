"""Adam with Nesterov momentum (Dozat, 2016), as Keras 3 has it."""

from __future__ import annotations

import numpy as np

from rnnfast.optimizers.adam import Adam
from rnnfast.optimizers.base import Slots
from rnnfast.typing import Array


class Nadam(Adam):
    """Adam that looks one step ahead along its momentum, u_t = beta_1 (1 - 0.96^t / 2):

        m <- m + (g - m) (1 - beta_1)
        v <- v + (g^2 - v) (1 - beta_2)
        d  = u_{t+1} m / (1 - u_1 ... u_{t+1}) + (1 - u_t) g / (1 - u_1 ... u_t)
        w <- w - learning_rate d / (sqrt(v / (1 - beta_2^t)) + epsilon)

    torch has 0.96^(t momentum_decay) in u_t, with momentum_decay 0.004 by default. An embedding is updated densely.

    Args: those of Adam.
    """

    def scalars(self) -> dict[str, float]:
        return {"momentum_product": 1.0}

    def update(self, weights: Array, gradient: Array, slots: Slots, scratch: Array) -> None:
        t = self.iterations
        now, ahead = self._momentum(t), self._momentum(t + 1)
        product = float(self.scalar_state["momentum_product"]) * now  # u_1 ... u_t
        self.scalar_state["momentum_product"][...] = product
        mean, accumulator = slots["mean_gradient"], slots["accumulator"]
        np.subtract(gradient, mean, out=scratch)
        scratch *= 1 - self.beta_1
        mean += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch -= accumulator
        scratch *= 1 - self.beta_2
        accumulator += scratch
        gradient *= (1 - now) / (1 - product)
        np.multiply(mean, ahead / (1 - product * ahead), out=scratch)
        gradient += scratch
        np.divide(accumulator, 1 - self.beta_2**t, out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self.epsilon
        gradient /= scratch
        gradient *= self.learning_rate
        weights -= gradient

    def _momentum(self, t: int) -> float:
        return self.beta_1 * (1 - 0.5 * 0.96**t)
