"""Fixtures for the tests of layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnfast.layers import SimpleRNN

FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "linear": lambda a: a,
}


@pytest.fixture
def by_hand() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A SimpleRNN a step at a time, with what its last call dropped: every output, in processing order, and h_n."""

    def run(
        layer: SimpleRNN,
        x: np.ndarray,
        *,
        mask: np.ndarray | None = None,
        initial: np.ndarray | None = None,
        training: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        weights = dict(zip((parameter.name for parameter in layer.parameters), layer.get_weights(), strict=True))
        dropped = layer.dropped
        recurrent = weights["recurrent_kernel"] * (1 if dropped.weights is None else dropped.weights.T)
        h = np.zeros((len(x), layer.units)) if initial is None else initial
        outputs = []
        for t in range(x.shape[1])[:: -1 if layer.go_backwards else 1]:
            x_t = x[:, t] if dropped.input is None else x[:, t] * dropped.input
            before = h if dropped.recurrent is None else h * dropped.recurrent
            a = x_t @ weights["kernel"] + before @ recurrent
            if layer.layer_norm:
                centred = a - a.mean(axis=1, keepdims=True)
                a = weights["gain"] * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
            fresh = FUNCTIONS[layer.activation](a + weights.get("bias", 0))
            if not training:
                fresh = layer.zoneout * h + (1 - layer.zoneout) * fresh
            elif dropped.zoneout is not None:
                fresh = np.where(dropped.zoneout[t], h, fresh)
            valid = True if mask is None else mask[:, t, None]
            h = np.where(valid, fresh, h)
            y = np.where(valid | (not layer.zero_output_for_mask), h, 0)
            if dropped.output is not None:
                y = y * (dropped.output[t] if layer.return_sequences else dropped.output)
            outputs.append(y)
        return np.stack(outputs, axis=1), h

    return run
