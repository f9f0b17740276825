"""`rnnfast.jax.rnn` with its batch on two devices; test_devices.py runs this in a process that has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from rnnfast.jax import rnn

SEQ_LEN, BATCH, INPUTS, UNITS = 5, 4, 3, 6
X, ROWS, SAME = P(None, "data"), P("data"), P()
IN_SPECS = X, SAME, SAME, SAME, ROWS, ROWS, ROWS
GRADIENTS, OUTPUTS = (X, SAME, SAME, SAME, ROWS), (X, ROWS)


def arrays() -> list[Any]:
    """x, w_ih, w_hh, b, h0, recurrent_mask, lengths."""
    rng = np.random.default_rng(0)
    shapes = (SEQ_LEN, BATCH, INPUTS), (UNITS, INPUTS), (UNITS, UNITS), (UNITS,), *[(BATCH, UNITS)] * 2
    return [*(0.5 * rng.standard_normal(shape, np.float32) for shape in shapes), np.array([5, 2, 3, 0])]


def loss(x: Any, w_ih: Any, w_hh: Any, b: Any, h0: Any, recurrent_mask: Any, lengths: Any) -> Any:
    """A sum over the batch, and what it is made of."""
    y, h_n = rnn(x, w_ih, w_hh, b, h0, lengths, recurrent_mask=recurrent_mask)
    return (y**2).sum() + (h_n**3).sum(), (y, h_n)


gradients_and_outputs = jax.grad(loss, range(5), has_aux=True)


def of_each_part(mesh: Any) -> Callable[..., Any]:
    return jax.shard_map(gradients_and_outputs, mesh=mesh, in_specs=IN_SPECS, out_specs=(GRADIENTS, OUTPUTS))


def of_the_whole(mesh: Any) -> Callable[..., Any]:
    def total(*part: Any) -> Any:
        value, outputs = loss(*part)
        return jax.lax.psum(value, "data"), outputs

    whole = jax.shard_map(total, mesh=mesh, in_specs=IN_SPECS, out_specs=(SAME, OUTPUTS))
    return jax.grad(whole, range(5), has_aux=True)


def split_by_the_compiler(mesh: Any) -> Callable[..., Any]:
    return gradients_and_outputs


@pytest.mark.parametrize("types", [AxisType.Auto, AxisType.Explicit], ids=str)
@pytest.mark.parametrize("way", [of_each_part, of_the_whole, split_by_the_compiler])
def test_two_devices_give_what_one_gives(way: Callable[..., Any], types: Any) -> None:
    mesh = jax.make_mesh((2,), ("data",), axis_types=(types,))
    pairs = zip(arrays(), IN_SPECS, strict=True)
    split = [jax.device_put(array, NamedSharding(mesh, spec)) for array, spec in pairs]
    got, expected = jax.jit(way(mesh))(*split), jax.jit(gradients_and_outputs)(*arrays())
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_each_device_computes_its_part_alone() -> None:
    """Under shard_map: half of the batch each, and no exchange but of the gradients of the weights."""
    mesh = jax.make_mesh((2,), ("data",), axis_types=(AxisType.Auto,))
    program = jax.jit(of_each_part(mesh)).lower(*arrays()).compile().as_text()
    assert "all-gather" not in program
    assert f"f32[{SEQ_LEN},{BATCH // 2},{UNITS}]" in program
