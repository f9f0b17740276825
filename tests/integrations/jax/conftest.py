"""The recurrence as JAX itself would be told it: a scan, differentiated by JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")

# In terms of jax.numpy, by the names of rnnfast; docs/semantics.md.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": jax.numpy.tanh,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "linear": lambda a: a,
    "softplus": jax.nn.softplus,
    "softsign": jax.nn.soft_sign,
    "hard_tanh": lambda a: jax.numpy.clip(a, -1, 1),
}


def scan(
    x: Any,
    w_ih: Any,
    w_hh: Any,
    b: Any,
    h0: Any = None,
    lengths: Any = None,
    *,
    mask: Any = None,
    masked_output: str = "zero",
    activation: str = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
) -> tuple[Any, Any]:
    """`rnnfast.jax.rnn` with dense weights."""
    jnp = jax.numpy
    seq_len, batch, _ = x.shape
    f = ACTIVATIONS[activation]
    if mask is None:
        lengths = jnp.full(batch, seq_len) if lengths is None else lengths
        mask = jnp.arange(seq_len)[:, None] < jnp.asarray(lengths)
    h0 = jnp.zeros((batch, w_hh.shape[0]), x.dtype) if h0 is None else h0

    def step(carry: Any, given: Any) -> Any:
        h, done = carry
        x_t, valid = given
        if bptt_steps is not None:
            cut = (done > 0) & (done % bptt_steps == 0) & valid
            h = jnp.where(cut[:, None], jax.lax.stop_gradient(h), h)
        a = x_t @ w_ih.T + h @ w_hh.T + b
        new = f(a if clip is None else jnp.clip(a, -clip, clip))
        held = jnp.where(valid[:, None], new, h)
        y = jnp.where(valid[:, None], new, h if masked_output == "hold" else 0)
        return (held, done + valid), y

    (h_n, _), y = jax.lax.scan(step, (h0, jnp.zeros(batch, int)), (x, mask), reverse=reverse)
    return y, h_n


@pytest.fixture
def x64():
    """JAX with float64."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def draw(rng: np.random.Generator, seq_len: int, batch: int, inputs: int, units: int, dtype: str) -> tuple[Any, ...]:
    """x, w_ih, w_hh, b, h0 whose states stay of the size of 1."""
    shapes = (seq_len, batch, inputs), (units, inputs), (units, units), (units,), (batch, units)
    scales = 1, inputs**-0.5, 0.7 * units**-0.5, 0.3, 1
    return tuple((scale * rng.standard_normal(shape)).astype(dtype) for scale, shape in zip(scales, shapes, strict=True))


def assert_close(got: Any, expected: Any) -> None:
    """Every array of a tree, to so many roundings of its dtype and of its largest element."""
    pairs = list(zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True))
    for a, b in pairs:
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        tolerance = {"float32": 2e-5, "float64": 1e-12}[b.dtype.name]
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, float(abs(b).max(initial=0))))


def loss_of(layer: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """A scalar that every element of y and h_n counts in differently."""

    def loss(*arrays: Any) -> Any:
        y, h_n = layer(*arrays, **options)
        weights = jax.numpy.sin(1 + jax.numpy.arange(y.size, dtype=y.dtype)).reshape(y.shape)
        return (weights * y).sum() + (h_n**2).sum()

    return loss
