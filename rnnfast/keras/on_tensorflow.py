"""Keras on TensorFlow: the functions of rnnfast, called back from its graph with a gradient of their own."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rnnfast import Activation, functional
from rnnfast.typing import Array

ZEROS_FIRST = True
TIME_FIRST = (1, 0, 2)  # and the other way round


def rnn_forward(
    x: Any, w_ih: Any, w_hh: Any, b: Any, *, h0: Any, mask: Any, recurrent_mask: Any, **options: Any
) -> tuple[Any, Any]:
    masks = {"mask": None if mask is None else tf.transpose(mask), "recurrent_mask": recurrent_mask}
    masks = {name: tensor for name, tensor in masks.items() if tensor is not None}

    def given(masked: tuple[Array, ...]) -> dict[str, Any]:
        return {**options, **dict(zip(masks, masked, strict=True))}

    def forward(x: Array, w_ih: Array, w_hh: Array, b: Array, h0: Array, *masked: Array) -> tuple[Array, ...]:
        return functional.rnn_forward(x, w_ih, w_hh, b, h0=h0, **given(masked))

    def backward(
        dy: Array, dh_n: Array, x: Array, y: Array, w_ih: Array, w_hh: Array, h0: Array, *masked: Array
    ) -> tuple[Array, ...]:
        return functional.rnn_backward(dy, x, y, w_ih, w_hh, h0=h0, dh_n=dh_n, **given(masked))[:5]

    @tf.custom_gradient  # type: ignore[misc, untyped-decorator, unused-ignore]
    def recurrence(x: Any, w_ih: Any, w_hh: Any, b: Any, h0: Any) -> Any:
        y, h_n = _called(forward, [x, w_ih, w_hh, b, h0, *masks.values()], [(*x.shape[:2], h0.shape[-1]), h0.shape])

        def gradient(dy: Any, dh_n: Any) -> Any:
            return differentiated(dy, dh_n, x, y, w_ih, w_hh, h0)

        return (y, h_n), gradient

    @tf.custom_gradient  # type: ignore[misc, untyped-decorator, unused-ignore]
    def differentiated(dy: Any, dh_n: Any, x: Any, y: Any, w_ih: Any, w_hh: Any, h0: Any) -> Any:
        shapes = [x.shape, w_ih.shape, w_hh.shape, w_hh.shape[:1], h0.shape]
        return _called(backward, [dy, dh_n, x, y, w_ih, w_hh, h0, *masks.values()], shapes), _no_derivative

    # Tensors and no variables: of those custom_gradient wants to know itself.
    x = tf.transpose(x, TIME_FIRST)
    y, h_n = recurrence(*map(tf.convert_to_tensor, (x, w_ih, w_hh, b, h0)))
    return tf.transpose(y, TIME_FIRST), h_n


def _no_derivative(*gradients: Any) -> Any:
    raise NotImplementedError(
        "rnnfast.keras: the recurrence has first derivatives only, got the gradient of a gradient"
    )


def _called(function: Any, tensors: list[Any], shapes: list[Any]) -> list[Any]:
    """What a function of arrays returns: tensors of the dtype of the first one."""
    results = tf.numpy_function(function, tensors, [tensors[0].dtype] * len(shapes), stateful=False)
    for tensor, shape in zip(results, shapes, strict=True):
        tensor.set_shape(shape)
    return list(results)


def reason_against(sequences: Any, activation: Activation) -> None:
    return None
