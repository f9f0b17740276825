"""What a layer of Keras returns and its gradients, on the backend of this process."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

BACKEND = keras.backend.backend()


def outputs_and_gradients(layer: Any, x: Any, state: Any, **arguments: Any) -> Any:
    """The outputs, and the gradients of their product with fixed numbers by x, the state, if any, and weights."""
    inputs = [x] if state is None else [x, state]
    outputs, gradients = _DIFFERENTIATE[BACKEND](layer, inputs, arguments)
    return [np.asarray(keras.ops.convert_to_numpy(each)) for each in (*outputs, *gradients)]


def gradient_of_gradient(layer: Any, x: Any) -> Any:
    """By x, of the sum of the squared gradient by x of the sum of the outputs."""
    if BACKEND == "jax":
        import jax

        return jax.grad(lambda x: (jax.grad(lambda x: layer(x).sum())(x) ** 2).sum())(x)
    if BACKEND == "torch":
        import torch

        x = torch.from_numpy(x).requires_grad_()
        (once,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
        return torch.autograd.grad((once**2).sum(), x)
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(layer(x))
        total = tf.reduce_sum(inner.gradient(y, x) ** 2)
    return outer.gradient(total, x)


def _on_jax(layer: Any, inputs: list[Any], arguments: dict[str, Any]) -> Any:
    import jax

    trainable, others = (
        [v.value for v in group] for group in (layer.trainable_variables, layer.non_trainable_variables)
    )

    def outputs(inputs: list[Any], trainable: list[Any]) -> list[Any]:
        return keras.tree.flatten(layer.stateless_call(trainable, others, *inputs, **arguments)[0])

    y, pull_back = jax.vjp(outputs, [jax.numpy.asarray(each) for each in inputs], trainable)
    return y, keras.tree.flatten(pull_back([jax.numpy.asarray(_fixed(each)) for each in y]))


def _on_torch(layer: Any, inputs: list[Any], arguments: dict[str, Any]) -> Any:
    import torch

    inputs = [torch.from_numpy(each).requires_grad_() for each in inputs]
    y = keras.tree.flatten(layer(*inputs, **arguments))
    of = [*inputs, *(variable.value for variable in layer.trainable_variables)]
    return y, torch.autograd.grad(y, of, [torch.from_numpy(_fixed(each)) for each in y], allow_unused=True)


def _on_tensorflow(layer: Any, inputs: list[Any], arguments: dict[str, Any]) -> Any:
    import tensorflow as tf

    inputs = [tf.constant(each) for each in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = keras.tree.flatten(layer(*inputs, **arguments))
    of = [*inputs, *(variable.value for variable in layer.trainable_variables)]
    return y, tape.gradient(y, of, [_fixed(each) for each in y])


_DIFFERENTIATE = {"jax": _on_jax, "torch": _on_torch, "tensorflow": _on_tensorflow}


def _fixed(like: Any) -> Any:
    dtype = keras.backend.standardize_dtype(like.dtype)
    return np.random.default_rng(like.ndim).standard_normal(tuple(like.shape)).astype(dtype)
