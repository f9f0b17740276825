"""TensorFlow: `tf.scan` in a function compiled by XLA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers.base import Contender, Ready
from rnnfast.typing import Array


def scan(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """The input's product for all steps at once, then a scan."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    f = {"tanh": tf.tanh, "relu": tf.nn.relu}[case.activation]
    x, w_ih, w_hh, b, dy = (tf.constant(arrays[name]) for name in ("x", "w_ih", "w_hh", "b", "dy"))

    def layer(x: Any, w_ih: Any, w_hh: Any) -> Any:
        projected = tf.einsum("tbi,hi->tbh", x, w_ih) + b
        return tf.scan(lambda h, a: f(a + tf.matmul(h, w_hh, transpose_b=True)), projected, tf.zeros_like(dy[0]))

    def forward() -> Any:
        return layer(x, w_ih, w_hh)

    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, w_ih, w_hh])
            y = layer(x, w_ih, w_hh)
        return y, *tape.gradient(y, [x, w_ih, w_hh], dy)

    return Ready({what: tf.function(call, jit_compile=True) for what, call in ((FORWARD, forward), (BOTH, both))})


CONTENDERS = [
    Contender(
        "TensorFlow scan",
        "tensorflow",
        {"layer": scan},
        ("tensorflow",),
        environment={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
    ),
]
