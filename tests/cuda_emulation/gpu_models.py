"""The same model trained on both sides, and everything that it is afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import rnnfast
from rnnfast.layers import Layer

Layers = Callable[[], list[Layer]]
# Of the largest element of each array.
TOLERANCE = {"float32": 2e-5, "float64": 1e-11}


def made(backend: str, layers: Layers, *, dtype: str = "float64", **compiled: Any) -> rnnfast.Sequential:
    """A compiled model; `optimizer` and what else is no argument of `compile` may be functions."""
    model = rnnfast.Sequential(layers(), seed=3, backend=backend, dtype=dtype)
    model.compile(**{name: value() if callable(value) else value for name, value in compiled.items()})
    return model


def trained(model: rnnfast.Sequential, batches: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What `train_on_batch` returned for each (x, y) or (x, y, sample_weight)."""
    return [
        model.train_on_batch(x, y, sample_weight=weight[0] if weight else None, return_dict=True)
        for x, y, *weight in batches
    ]


def assert_equal(model: rnnfast.Sequential, other: rnnfast.Sequential) -> None:
    """AssertionError unless weights, the optimizer's state and what layers keep are the same but for rounding."""
    names = [f"{layer.name}/{p.name}" for layer in model.layers for p in layer.parameters]
    pairs = list(zip(names, model.get_weights(), other.get_weights(), strict=True))
    states = model.optimizer.state(), other.optimizer.state()
    assert states[0].keys() == states[1].keys()
    pairs += [(name, states[0][name], states[1][name]) for name in states[0]]
    for one, two in zip(model.get_states(), other.get_states(), strict=True):
        pairs += [("state", a, b) for a, b in zip(one, two, strict=True)]
    for name, a, b in pairs:
        assert type(a) is type(b) is np.ndarray, name
        assert (a.dtype, a.shape) == (b.dtype, b.shape), name
        close(b, a, model.dtype, name)


def close(actual: Any, desired: Any, dtype: str, name: str = "") -> None:
    """AssertionError unless they are the same but for rounding."""
    scale = max(float(np.max(np.abs(desired), initial=0)), 1e-3)
    np.testing.assert_allclose(actual, desired, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=name)


def compare(layers: Layers, batches: Sequence[tuple[Any, ...]], **options: Any) -> None:
    """Trains on the CPU and on the GPU: the same logs after each step, in the end the same model and predictions."""
    here, there = (made(backend, layers, **options) for backend in ("cpu", "cupy"))
    logs = trained(here, batches), trained(there, batches)
    for right, found in zip(*logs, strict=True):
        assert right.keys() == found.keys()
        for name in right:
            close(found[name], right[name], here.dtype, name)
    assert_equal(here, there)
    close(there.predict(batches[0][0]), here.predict(batches[0][0]), here.dtype, "predictions")
