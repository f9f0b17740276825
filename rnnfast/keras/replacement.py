"""`replace`: the kernels of rnnfast in a model that is there already."""

from __future__ import annotations

from typing import Any

import keras

from rnnfast.keras.framework import NAME
from rnnfast.keras.simple_rnn import SimpleRNN, set_up


def replace(model: Any) -> int:
    """Makes every `keras.layers.SimpleRNN` in the model, or the model itself if it is one, a `rnnfast.keras.SimpleRNN`.

    In place, inside of Bidirectional and other wrappers and of models in the model, too: the layers stay the objects
    that they are, with their weights and whatever an optimizer remembers of them. What was compiled is compiled anew.
    Instances of other subclasses of `keras.layers.SimpleRNN` may compute something else, and are left as they are.

    Returns:
        How many there were.

    Raises:
        TypeError: no layer or model.
    """
    if not isinstance(model, keras.Layer):
        raise TypeError(f"model: expected a keras.Layer or keras.Model, got {type(model).__name__}")
    found = [layer for layer in model._flatten_layers() if type(layer) is keras.layers.SimpleRNN]
    for layer in found:
        layer.__class__ = SimpleRNN
        set_up(layer)
    if found and isinstance(model, keras.Model):
        if model.compiled and NAME == "tensorflow":
            model.jit_compile = False
        model.train_function = model.test_function = model.predict_function = None
    return len(found)
