"""The float64 reference of a training step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnfast import reference
from rnnfast.bench.seed_models import EPSILON, RHO, STEP, WEIGHTS, SeedModel


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_step_follows_the_gradient_of_the_loss(outputs: int, numeric_gradient: Callable) -> None:
    case = SeedModel(3, 4, 5, 6, words=7, examples=5, outputs=outputs, learning_rate=0.25)
    arrays = case.arrays()
    weights = {name: arrays[name].astype(np.float64) for name in WEIGHTS}
    words, labels = arrays["words"][:3], arrays["labels"][:3]
    assert arrays["words"].shape == (5, 4)
    assert arrays["words"].max() < 7

    def loss() -> float:
        x = weights["embedding"][words.T]
        state = reference.rnn_forward(x, weights["w_ih"], weights["w_hh"], weights["b"])[1]
        logits = state @ weights["w_out"] + weights["b_out"]
        if outputs == 1:
            logits = np.hstack([np.zeros_like(logits), logits])
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return float(-np.log(shares[np.arange(3), labels]).mean())

    for name, moved in zip(WEIGHTS, case.expected(arrays)[STEP], strict=True):
        gradient = numeric_gradient(loss, weights[name])
        # RMSprop, first step: v = (1 - rho) g^2, w moves by -rate g / sqrt(v + epsilon)
        wanted = -0.25 * gradient / np.sqrt((1 - RHO) * gradient**2 + EPSILON)
        np.testing.assert_allclose(moved, wanted, rtol=1e-4, atol=1e-7)
