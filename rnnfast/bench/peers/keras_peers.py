"""Keras's trainer and its SimpleRNN layer, or that of rnnfast, on each backend, compiled where the backend compiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

import rnnfast
from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers.base import Contender, NotHere, Ready
from rnnfast.bench.peers.own import keras_like
from rnnfast.bench.seed_models import SeedModel
from rnnfast.typing import Array

Calls = dict[str, Callable[[], Any]]


def layer(case: Case, arrays: Mapping[str, Array], threads: int, *, replaced: bool = False) -> Ready:
    """The layer on the backend that KERAS_BACKEND names. Keras has batches first: y and dx are turned for the check.

    Args:
        replaced: by that of rnnfast.
    """
    import keras

    backend = keras.backend.backend()
    _limit_threads(backend, threads)
    rnn = keras.layers.SimpleRNN(case.hidden_size, activation=case.activation, return_sequences=True)
    if replaced:
        _replace(rnn)
    rnn.build((case.batch, case.seq_len, case.input_size))
    rnn.set_weights([arrays["w_ih"].T, arrays["w_hh"].T, arrays["b"]])
    x, dy = (keras.ops.convert_to_tensor(arrays[name].swapaxes(0, 1).copy()) for name in ("x", "dy"))

    def to_kernel_layout(result: Sequence[Any]) -> list[Array]:
        y_and_dx, weights = result[:2], result[2:]
        return [
            *(np.swapaxes(keras.ops.convert_to_numpy(value), 0, 1) for value in y_and_dx),
            *(keras.ops.convert_to_numpy(value).T for value in weights),
        ]

    return Ready(_LAYER[backend](rnn, x, dy), to_kernel_layout)


def _jax_layer(rnn: Any, x: Any, dy: Any) -> Calls:
    import jax

    weights, others = ([v.value for v in group] for group in (rnn.trainable_variables, rnn.non_trainable_variables))

    def apply(x: Any, weights: Any) -> Any:
        return rnn.stateless_call(weights, others, x)[0]

    def gradients(x: Any, weights: Any, dy: Any) -> Any:
        y, pull = jax.vjp(apply, x, weights)
        dx, dw = pull(dy)
        return y, dx, dw[0], dw[1]

    forward, both = jax.jit(apply), jax.jit(gradients)
    return {
        FORWARD: lambda: (jax.block_until_ready(forward(x, weights)),),
        BOTH: lambda: jax.block_until_ready(both(x, weights, dy)),
    }


def _torch_layer(rnn: Any, x: Any, dy: Any) -> Calls:
    import torch

    weights = [variable.value for variable in rnn.trainable_variables]
    x.requires_grad_()

    def forward() -> Any:
        with torch.no_grad():
            return (rnn(x),)

    def both() -> Any:
        for tensor in (x, *weights):
            tensor.grad = None
        y = rnn(x)
        y.backward(dy)
        return y, x.grad, weights[0].grad, weights[1].grad

    return {FORWARD: forward, BOTH: both}


def _tensorflow_layer(rnn: Any, x: Any, dy: Any) -> Calls:
    import tensorflow as tf

    weights = [variable.value for variable in rnn.trainable_variables[:2]]

    def forward() -> Any:
        return (rnn(x),)

    def both() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = rnn(x)
        return y, *tape.gradient(y, [x, *weights], dy)

    return {FORWARD: tf.function(forward), BOTH: tf.function(both)}


_LAYER: dict[str, Callable[[Any, Any, Any], Calls]] = {
    "jax": _jax_layer,
    "torch": _torch_layer,
    "tensorflow": _tensorflow_layer,
}


def trainer(case: SeedModel, arrays: Mapping[str, Array], threads: int, *, replaced: bool = False) -> Ready:
    """A compiled Sequential; see `keras_like`."""
    import keras

    if keras.backend.backend() == "tensorflow":
        # A row that a batch looks up twice, with gradients g and g, is squared as g^2 + g^2 there, not as (g + g)^2.
        raise NotHere("on TensorFlow, Keras's RMSprop squares the gradients of an embedding's row before it adds them")
    _limit_threads(keras.backend.backend(), threads)
    layers = [
        keras.layers.Embedding(case.words, case.input_size),
        keras.layers.SimpleRNN(case.hidden_size, activation=case.activation),
        keras.layers.Dense(case.outputs),
    ]
    model = keras.Sequential(layers)
    if replaced:
        _replace(model)
    losses = keras.losses
    loss = losses.BinaryCrossentropy if case.outputs == 1 else losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.RMSprop(case.learning_rate), loss=loss(from_logits=True))
    return keras_like(model, layers, case, arrays)


def _replace(layer_or_model: Any) -> None:
    from rnnfast.keras import replace

    assert replace(layer_or_model) == 1


def _limit_threads(backend: str, threads: int) -> None:
    rnnfast.set_num_threads(threads)
    if backend == "torch":
        import torch

        torch.set_num_threads(threads)
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _on(backend: str, **environment: str) -> list[Contender]:
    variables = {"KERAS_BACKEND": backend, **environment}
    return [
        Contender(
            f"{library} on {backend}",
            f"keras-{backend}",
            {"layer": partial(layer, replaced=replaced), "model": partial(trainer, replaced=replaced)},
            ("keras", backend),
            environment=variables,
        )
        for library, replaced in (("Keras", False), ("rnnfast.keras", True))
    ]


CONTENDERS = [
    *_on("jax", JAX_PLATFORMS="cpu"),
    *_on("torch", KERAS_TORCH_DEVICE="cpu"),
    *_on("tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1"),
]
