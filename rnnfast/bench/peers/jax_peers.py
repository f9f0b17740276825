"""JAX: `lax.scan`, and rnnfast's custom call, under jit. XLA takes its threads from the processors it may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers.base import Contender, Ready
from rnnfast.processor import set_num_threads
from rnnfast.typing import Array


def scan(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """The input's product for all steps at once, then a scan."""
    import jax
    import jax.numpy as jnp

    f = {"tanh": jnp.tanh, "relu": jax.nn.relu}[case.activation]

    def layer(x: Any, w_ih: Any, w_hh: Any, b: Any) -> Any:
        def step(h: Any, a: Any) -> Any:
            h = f(a + h @ w_hh.T)
            return h, h

        h0 = jnp.zeros((case.batch, case.hidden_size), x.dtype)
        return jax.lax.scan(step, h0, x @ w_ih.T + b)[1]

    return _under_jit(layer, arrays)


def custom_call(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    from rnnfast.jax import rnn

    set_num_threads(threads)
    return _under_jit(lambda *given: rnn(*given, activation=case.activation)[0], arrays)


def _under_jit(layer: Callable[..., Any], arrays: Mapping[str, Array]) -> Ready:
    import jax
    import jax.numpy as jnp

    x, w_ih, w_hh, b, dy = (jnp.asarray(arrays[name]) for name in ("x", "w_ih", "w_hh", "b", "dy"))

    def both(x: Any, w_ih: Any, w_hh: Any, b: Any, dy: Any) -> Any:
        y, pull = jax.vjp(layer, x, w_ih, w_hh, b)
        return (y, *pull(dy)[:3])

    forward, training = jax.jit(layer), jax.jit(both)
    return Ready(
        {
            FORWARD: lambda: jax.block_until_ready(forward(x, w_ih, w_hh, b)),
            BOTH: lambda: jax.block_until_ready(training(x, w_ih, w_hh, b, dy)),
        }
    )


_ON_CPU = {"JAX_PLATFORMS": "cpu"}
CONTENDERS = [
    Contender("JAX scan", "jax", {"layer": scan, "memory": scan}, ("jax",), environment=_ON_CPU),
    Contender("rnnfast.jax", "jax", {"layer": custom_call, "memory": custom_call}, ("jax",), environment=_ON_CPU),
]
