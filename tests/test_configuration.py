"""Every object that a model is made of can be made again from what JSON keeps of it."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from rnnfast import Sequential, initializers, layers, losses, optimizers
from rnnfast.configuration import KNOWN, Configurable, decode, encode

# For the arguments that have no default, whichever class they belong to.
REQUIRED = {"units": 3, "input_dim": 5, "output_dim": 4, "rate": 0.25}
PUBLIC = {
    *(name for name in layers.__all__ if name != "Layer"),
    *(name for name in optimizers.__all__ if name not in ("Optimizer", "get")),
    *(
        type(make()).__name__
        for table in (initializers.KNOWN, losses.KNOWN, optimizers.KNOWN)
        for make in table.values()
    ),
}

CHANGED = [
    layers.SimpleRNN(
        *(4, "relu", False, initializers.RandomNormal(0.5, 0.1)),
        **{"dropout": 0.1, "recurrent_dropout": 0.2, "return_sequences": True, "stateful": True, "backend": "cpu"},
        **{"name": "mine", "dtype": "float64", "seed": 3, "input_shape": (None, 2)},
    ),
    layers.Dense(2, "softmax", False, initializers.Constant(2.0), seed=np.random.SeedSequence(5, spawn_key=(1, 2))),
    layers.Embedding(np.int64(3), 4, initializers.TruncatedNormal(stddev=0.2)),
    losses.BinaryCrossentropy(from_logits=True, steps="sum"),
    optimizers.RMSprop(np.float32(0.25), momentum=0.5, centered=True, clipnorm=1.0),
]


def again(value: Configurable) -> Configurable:
    return decode(json.loads(json.dumps(encode("value", value))), {})


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_class(name: str) -> None:
    kind = KNOWN[name]
    parameters = inspect.signature(kind).parameters.values()
    value = kind(**{p.name: REQUIRED[p.name] for p in parameters if p.default is inspect.Parameter.empty})
    copy = again(value)
    assert type(copy) is kind
    assert copy.get_config() == value.get_config()
    assert list(value.get_config()) == [p.name for p in parameters]


@pytest.mark.parametrize("value", CHANGED, ids=lambda value: type(value).__name__)
def test_what_is_not_the_default(value: Configurable) -> None:
    config = again(value).get_config()
    assert config == value.get_config()
    defaults = {p.name: p.default for p in inspect.signature(type(value)).parameters.values()}
    assert sum(config[name] != default for name, default in defaults.items()) >= 2


def test_a_model_that_is_not_built_gets_the_same_weights() -> None:
    model = Sequential([layers.Embedding(5, 3), layers.SimpleRNN(4), layers.Dense(1)], seed=7, dtype="float64")
    copy = again(model)
    assert isinstance(copy, Sequential)
    for each in (model, copy):
        each.build()
    for first, second in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (copy.dtype, copy.name, copy.shuffle_rng.random()) == ("float64", "sequential", model.shuffle_rng.random())


def test_a_class_of_somebody_else_takes_no_name_of_ours() -> None:
    ours = KNOWN["Dense"]

    class Dense(layers.Layer):
        pass

    assert KNOWN["Dense"] is ours


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"class": "os.system", "config": {}}, ValueError, "custom_objects: expected 'os.system'"),
        ({"function": "exec"}, ValueError, "custom_objects: expected 'exec'"),
        ({"class": "Dense", "config": {"unit": 3}}, TypeError, "unit"),
        ({"class": "Dense", "config": {"units": 0}}, ValueError, "units: expected at least 1"),
    ],
)
def test_wrong_data(data, error, message: str) -> None:
    with pytest.raises(error, match=message):
        decode(data, {})


def test_what_json_cannot_hold() -> None:
    with pytest.raises(TypeError, match="kernel: expected"):
        encode("kernel", np.zeros(3))
