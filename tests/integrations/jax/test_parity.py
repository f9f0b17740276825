"""rnnfast.jax against the recurrence as JAX itself would be told it: a scan, differentiated by JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy

from rnnfast.jax import rnn  # noqa: E402

# By the names of rnnfast: docs/semantics.md.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "softsign": jax.nn.soft_sign,
    "leaky_relu": jax.nn.leaky_relu,
}
OPTIONS = st.fixed_dictionaries(
    {
        "activation": st.sampled_from(sorted(ACTIVATIONS)),
        "clip": st.sampled_from([None, 0.5]),
        "reverse": st.booleans(),
        "bptt_steps": st.sampled_from([None, 2]),
        "masked_output": st.sampled_from(["zero", "hold"]),
        "batch_first": st.booleans(),
    }
)


def scan(
    x: Any,
    w_ih: Any,
    w_hh: Any,
    b: Any,
    h0: Any = None,
    lengths: Any = None,
    *,
    mask: Any = None,
    recurrent_mask: Any = None,
    masked_output: str = "zero",
    activation: str = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
    batch_first: bool = False,
) -> tuple[Any, Any]:
    """What `rnn` computes, with dense weights."""
    if batch_first:
        x, mask = jnp.swapaxes(x, 0, 1), None if mask is None else mask.T
    seq_len, batch, _ = x.shape
    if mask is None:
        lengths = jnp.full(batch, seq_len) if lengths is None else jnp.asarray(lengths)
        mask = jnp.arange(seq_len)[:, None] < lengths
    h0 = jnp.zeros((batch, w_hh.shape[0]), x.dtype) if h0 is None else h0
    kept = 1 if recurrent_mask is None else recurrent_mask

    def step(carry: Any, given: Any) -> Any:
        h, done = carry
        x_t, valid = given
        if bptt_steps is not None:
            cut = (done > 0) & (done % bptt_steps == 0) & valid
            h = jnp.where(cut[:, None], jax.lax.stop_gradient(h), h)
        a = x_t @ w_ih.T + (kept * h) @ w_hh.T + b
        new = ACTIVATIONS[activation](a if clip is None else jnp.clip(a, -clip, clip))
        held = jnp.where(valid[:, None], new, h)
        return (held, done + valid), held if masked_output == "hold" else jnp.where(valid[:, None], new, 0)

    (h_n, _), y = jax.lax.scan(step, (h0, jnp.zeros(batch, int)), (x, mask), reverse=reverse)
    return jnp.swapaxes(y, 0, 1) if batch_first else y, h_n


@contextmanager
def precision_of(dtype: str) -> Iterator[None]:
    """JAX as it is in a program that computes with that dtype."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", False)


def draw(rng: np.random.Generator, sizes: tuple[int, int, int, int], dtype: str, *leading: int) -> list[Any]:
    """x, w_ih, w_hh, b, h0, lengths; x, h0 and lengths with `leading` axes."""
    seq_len, batch, inputs, units = sizes
    shapes = (*leading, seq_len, batch, inputs), (units, inputs), (units, units), (units,), (*leading, batch, units)
    scales = 1, inputs**-0.5, 0.7 * units**-0.5, 0.3, 1
    arrays = [(scale * rng.standard_normal(shape)).astype(dtype) for scale, shape in zip(scales, shapes, strict=True)]
    return [*arrays, rng.integers(0, seq_len + 1, (*leading, batch))]


def dropout(rng: np.random.Generator, *shape: int, dtype: str = "float32") -> Any:
    """A recurrent mask that keeps 0.6 of the states."""
    return (rng.random(shape) < 0.6).astype(dtype) / np.dtype(dtype).type(0.6)


def outputs_and_gradients(layer: Callable[..., Any], number: int = 5) -> Callable[..., Any]:
    """Of a scalar that every element of y and h_n counts in differently, by the first so many arguments."""

    def loss(*arrays: Any) -> Any:
        y, h_n = layer(*arrays)
        weights = jnp.sin(1 + jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
        return (weights * y).sum() + (h_n**2).sum(), (y, h_n)

    return jax.grad(loss, tuple(range(number)), has_aux=True)


def assert_close(got: Any, expected: Any) -> None:
    """Every array of a tree, to so many roundings of its dtype and of its largest element."""
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        tolerance = {"float32": 2e-5, "float64": 1e-12}[b.dtype.name]
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, float(abs(b).max())))


@settings(max_examples=10, deadline=None)
@given(
    sizes=st.tuples(*(st.integers(1, most) for most in (7, 5, 4, 18))),
    options=OPTIONS,
    dtype=st.sampled_from(["float32", "float64"]),
    valid=st.sampled_from([None, "lengths", "mask"]),
    has_state=st.booleans(),
    has_dropout=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_outputs_and_gradients(sizes, options, dtype, valid, has_state, has_dropout, seed) -> None:
    rng = np.random.default_rng(seed)
    *arrays, lengths = draw(rng, sizes, dtype)
    mask = rng.random(sizes[:2]) < 0.6
    if options["batch_first"]:
        arrays[0], mask = arrays[0].swapaxes(0, 1), mask.T
    if valid is not None:
        options = {**options, valid: lengths if valid == "lengths" else mask}
    if has_dropout:
        options = {**options, "recurrent_mask": dropout(rng, sizes[1], sizes[3], dtype=dtype)}
    number = 5 if has_state else 4
    with precision_of(dtype):
        got, expected = (
            jax.jit(outputs_and_gradients(lambda *given, layer=layer: layer(*given, **options), number))(
                *arrays[:number]
            )
            for layer in (rnn, scan)
        )
        assert_close(got, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_jit(dtype: str) -> None:
    arrays = draw(np.random.default_rng(0), (6, 4, 3, 5), dtype)
    with precision_of(dtype):
        assert_close(rnn(*arrays), scan(*arrays))
        assert_close(outputs_and_gradients(rnn)(*arrays), outputs_and_gradients(scan)(*arrays))
        with jax.disable_jit():
            outputs = outputs_and_gradients(rnn)(*arrays)
        assert_close(outputs, outputs_and_gradients(scan)(*arrays))


@pytest.mark.parametrize(
    ("places", "valid", "batch_first"),
    [
        ((0, 0, 0, None), "lengths", False),
        ((2, 1, 1, 0), "mask", False),
        ((0, None, None, 1), "mask", True),
        ((None, 0, None, None), "lengths", True),
        ((None, None, 0, None), "lengths", False),
        ((None, None, 1, None), "mask", True),
        ((None, None, None, 2), "mask", False),
    ],
)
def test_vmap_of_sequences(places: tuple[int | None, ...], valid: str, batch_first: bool) -> None:
    """Of x, the state, which steps are valid, and dropout: outputs, each example's gradient, and that of them all."""
    rng = np.random.default_rng(1)
    count, sizes = 3, (5, 4, 2, 6)
    x, w_ih, w_hh, b, h0, lengths = draw(rng, sizes, "float32", count)
    which = lengths if valid == "lengths" else rng.random((count, *sizes[:2])) < 0.6
    if batch_first:
        x, which = x.swapaxes(1, 2), which.swapaxes(1, 2) if valid == "mask" else which
    x, h0, which, kept = (
        array[0] if place is None else np.moveaxis(array, 0, place)
        for array, place in zip((x, h0, which, dropout(rng, *h0.shape)), places, strict=True)
    )
    axes = (places[0], None, None, None, *places[1:])
    arrays = x, w_ih, w_hh, b, h0, which, kept

    def both(layer: Callable[..., Any]) -> Any:
        def one(x: Any, w_ih: Any, w_hh: Any, b: Any, h0: Any, which: Any, kept: Any) -> Any:
            return layer(x, w_ih, w_hh, b, h0, **{valid: which}, recurrent_mask=kept, batch_first=batch_first)

        each = jax.vmap(one, axes)
        all_together = outputs_and_gradients(lambda *arrays: [part.sum(0) for part in each(*arrays)])
        return jax.jit(lambda *given: (jax.vmap(outputs_and_gradients(one), axes)(*given), all_together(*given)))(
            *arrays
        )

    assert_close(both(rnn), both(scan))


def calls(function: Callable[..., Any], *arrays: Any) -> list[Any]:
    """The equations in which a function runs the kernels."""
    equations = jax.make_jaxpr(function)(*arrays).eqns
    return [equation for equation in equations if str(equation.primitive).startswith("rnnfast")]


def test_gradient_of_vmap_is_one_call() -> None:
    """And not one for each example."""
    arrays = draw(np.random.default_rng(2), (5, 4, 2, 6), "float32", 3)
    axes = (0, None, None, None, 0, 0)
    made = calls(outputs_and_gradients(jax.vmap(rnn, axes)), *arrays)
    assert [str(equation.primitive) for equation in made] == ["rnnfast_forward", "rnnfast_backward"]
    assert [equation.invars[-2].aval.shape for equation in made] == [(3 * 4, 6), (3 * 4, 6)]


@pytest.mark.parametrize(
    ("output", "wrt", "operands", "results"), [(0, (1, 2, 3), ["dy"], 4), (1, (0, 4), ["dh_n"], 5)]
)
def test_only_what_counts_is_read_and_written(output: int, wrt: tuple[int, ...], operands: list[str], results) -> None:
    """No array of zeros for an output that nothing depends on, and no gradient by x where nobody asks for it."""
    *arrays, _ = draw(np.random.default_rng(2), (5, 4, 2, 6), "float32")
    gradients = [
        jax.grad(lambda *arrays, layer=layer: (layer(*arrays)[output] ** 2).sum(), wrt) for layer in (rnn, scan)
    ]
    (*_, backward) = calls(gradients[0], *arrays)
    assert [name for name in backward.params["names"] if name in ("dy", "dh_n")] == operands
    assert len(backward.outvars) == results
    assert_close(*(jax.jit(each)(*arrays) for each in gradients))


@pytest.mark.parametrize("places", [(0, 1, 0), (0, None, None), (None, 1, None), (None, None, 0)])
def test_vmap_of_weights(places: tuple[int | None, ...]) -> None:
    rng = np.random.default_rng(3)
    x, *_, h0, lengths = draw(rng, (5, 4, 2, 6), "float32")
    weights = [
        (0.3 * rng.standard_normal(shape if place is None else (*shape[:place], 3, *shape[place:]))).astype("float32")
        for shape, place in zip(((6, 2), (6, 6), (6,)), places, strict=True)
    ]
    axes, arrays = (None, *places, None, None), (x, *weights, h0, lengths)
    got, expected = (jax.jit(jax.vmap(outputs_and_gradients(layer), axes))(*arrays) for layer in (rnn, scan))
    assert_close(got, expected)


def test_inside_scan_and_remat() -> None:
    """Two layers of the same sizes, by a scan over their weights, recomputed for the gradient."""
    rng = np.random.default_rng(4)
    x, _, w_hh, b, h0, _ = draw(rng, (5, 4, 6, 6), "float32")
    weights = 0.4 * rng.standard_normal((2, 6, 6), np.float32)

    def stack(layer: Callable[..., Any]) -> Callable[..., Any]:
        def apply(x: Any, weights: Any) -> Any:
            body = jax.checkpoint(lambda x, w_ih: layer(x, w_ih, w_hh, b, h0))
            return jax.lax.scan(body, x, weights)

        return apply

    got, expected = (jax.jit(outputs_and_gradients(stack(layer), 2))(x, weights) for layer in (rnn, scan))
    assert_close(got, expected)


@pytest.mark.parametrize("heads", [2, 6])
def test_heads(heads: int) -> None:
    """Block-diagonal recurrent weights are the dense ones with zeros between the blocks."""
    rng = np.random.default_rng(5)
    x, w_ih, w_hh, b, h0, lengths = draw(rng, (5, 4, 2, 6), "float32")
    size = 6 // heads
    inside = np.kron(np.eye(heads), np.ones((size, size)))
    blocks = np.stack([w_hh[k : k + size, k : k + size] for k in range(0, 6, size)])
    blocks = blocks.reshape(6) if size == 1 else blocks
    got = outputs_and_gradients(rnn)(x, w_ih, blocks, b, h0, lengths)
    (gradients, outputs) = outputs_and_gradients(scan)(x, w_ih, (w_hh * inside).astype("float32"), b, h0, lengths)
    dw_hh = np.stack([gradients[2][k : k + size, k : k + size] for k in range(0, 6, size)]).reshape(blocks.shape)
    assert_close(got, ((*gradients[:2], dw_hh, *gradients[3:]), outputs))


def test_donated_arrays() -> None:
    """Memory that the caller gives away may become that of a result."""
    arrays = draw(np.random.default_rng(6), (5, 4, 6, 6), "float32")
    expected = scan(*arrays)
    x, *others = (jnp.asarray(array) for array in arrays)
    assert_close(jax.jit(rnn, donate_argnums=0)(x, *others), expected)
    assert x.is_deleted()


@pytest.mark.parametrize("batch_first", [False, True])
def test_long_and_wide(batch_first: bool) -> None:
    """Sizes at which several threads share the work."""
    x, *others, _ = draw(np.random.default_rng(7), (40, 32, 50, 64), "float32")
    arrays = (x.swapaxes(0, 1) if batch_first else x, *others)
    got, expected = (
        jax.jit(outputs_and_gradients(lambda *given, layer=layer: layer(*given, batch_first=batch_first)))(*arrays)
        for layer in (rnn, scan)
    )
    assert_close(got, expected)
