"""Every object that a model is made of can be made again from what JSON keeps of it."""

from __future__ import annotations

import dataclasses
import inspect
import json

import numpy as np
import pytest

from rnnfast import (
    Sequential,
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
)
from rnnfast.configuration import KNOWN, Configurable, decode, encode

# For the arguments that have no default, whichever class they belong to.
REQUIRED = {
    **{"units": 3, "input_dim": 5, "output_dim": 4, "rate": 0.25, "function": abs},
    **{"boundaries": [2, 5], "values": [0.5, 0.25, 0.125], "after": 0.25, "steps": 4},
    **{"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.75},
    "layer": layers.SimpleRNN(3),
    "each": initializers.Orthogonal(),
}
BASES = {
    constraints: constraints.Constraint,
    initializers: initializers.Initializer,
    layers: layers.Layer,
    losses: losses.Loss,
    metrics: metrics.Metric,
    optimizers: optimizers.Optimizer,
    regularizers: regularizers.Regularizer,
    schedules: schedules.Schedule,
}
PUBLIC = {
    f"{module.__name__.removeprefix('rnnfast.')}.{name}": kind
    for module, base in BASES.items()
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, base) and not (inspect.isabstract(kind) or name.startswith("_"))
}

CHANGED = [
    layers.SimpleRNN(
        *(4, "relu", False, initializers.RandomNormal(0.5, 0.1)),
        **{"dropout": 0.1, "recurrent_dropout": 0.2, "return_sequences": True, "stateful": True, "backend": "cpu"},
        **{"name": "mine", "dtype": "float64", "seed": 3, "input_shape": (None, 2)},
    ),
    layers.Dense(2, "softmax", False, initializers.Constant(2.0), seed=np.random.SeedSequence(5, spawn_key=(1, 2))),
    layers.Embedding(np.int64(3), 4, initializers.TruncatedNormal(stddev=0.2)),
    layers.Dense(
        *(2, "tanh"),
        **{"kernel_regularizer": regularizers.L1L2(0.25, 0.5), "bias_regularizer": "l1", "activity_regularizer": "l2"},
        **{"kernel_constraint": constraints.MaxNorm(3.0), "bias_constraint": "non_neg"},
    ),
    layers.TiedDense(bias_regularizer=regularizers.L2(0.5), bias_constraint=constraints.NonNeg()),
    layers.Bidirectional(
        *(layers.SimpleRNN(4, dropout=0.5), "ave", layers.SimpleRNN(4, "relu", go_backwards=True, name="mine")),
        **{"activity_regularizer": "l2", "name": "both", "dtype": "float64", "seed": 3, "input_shape": (None, 2)},
    ),
    layers.TimeDistributed(layers.Bidirectional(layers.SimpleRNN(4), "mul"), seed=3, input_shape=(None, None, 2)),
    constraints.MinMaxNorm(0.5, 2.5, rate=0.75, axis=(0, 1)),
    regularizers.OrthogonalRegularizer(0.25, "columns"),
    schedules.PiecewiseConstantDecay((3, np.int64(7)), np.array([0.75, 0.25, 0.125])),
    schedules.LinearWarmup(schedules.CosineDecay(0.5, 10, warmup_target=0.75, warmup_steps=2), 5, start=0.125),
    metrics.AUC(50, name="area"),
    metrics.Precision(0.25, name="precise"),
    optimizers.AdamW(schedules.ExponentialDecay(0.5, 3, 0.5, staircase=True), weight_decay=0.25),
    losses.BinaryCrossentropy(from_logits=True, steps="sum"),
    optimizers.RMSprop(np.float32(0.25), momentum=0.5, centered=True, clipnorm=1.0),
]


def again(value: Configurable) -> Configurable:
    return decode(json.loads(json.dumps(encode("value", value))), {"abs": abs})


def plain(kind: type[Configurable]) -> Configurable:
    parameters = inspect.signature(kind).parameters.values()
    return kind(**{p.name: REQUIRED[p.name] for p in parameters if p.default is inspect.Parameter.empty})


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_class(name: str) -> None:
    kind = PUBLIC[name]
    assert KNOWN[name] is kind
    value = plain(kind)
    copy = again(value)
    assert type(copy) is kind
    assert copy.get_config() == value.get_config()
    assert list(value.get_config()) == list(inspect.signature(kind).parameters)


@pytest.mark.parametrize("value", CHANGED, ids=lambda value: type(value).__name__)
def test_what_is_not_the_default(value: Configurable) -> None:
    config = again(value).get_config()
    assert config == value.get_config()
    if dataclasses.is_dataclass(value):
        assert again(value) == value
    assert sum(config[name] != default for name, default in plain(type(value)).get_config().items()) >= 2


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
    known = dict(KNOWN)

    class Dense(layers.Dense):
        pass

    assert known == KNOWN
    assert encode("layer", Dense(1))["class"] == "Dense"
    assert encode("layer", layers.Dense(1))["class"] == "layers.Dense"


def test_classes_of_one_name_are_told_apart() -> None:
    for value in (losses.MeanSquaredError(), metrics.MeanSquaredError()):
        assert type(again(value)) is type(value)


@pytest.mark.parametrize("name", sorted(activations.KNOWN))
def test_every_activation(name: str) -> None:
    assert again(layers.Dense(2, name)).function is activations.KNOWN[name]


@pytest.mark.parametrize("rate", [0.25, schedules.ExponentialDecay(0.5, 3, 0.5)])
def test_a_learning_rate_of_either_kind(rate) -> None:
    copy = again(optimizers.SGD(rate))
    assert (copy.schedule or copy.learning_rate) == rate


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({"class": "os.system", "config": {}}, ValueError, "custom_objects: expected 'os.system'"),
        ({"function": "exec"}, ValueError, "custom_objects: expected 'exec'"),
        ({"class": "layers.Dense", "config": {"unit": 3}}, TypeError, "unit"),
        ({"class": "layers.Dense", "config": {"units": 0}}, ValueError, "units: expected at least 1"),
    ],
)
def test_wrong_data(data, error, message: str) -> None:
    with pytest.raises(error, match=message):
        decode(data, {})


def test_what_json_cannot_hold() -> None:
    with pytest.raises(TypeError, match="kernel: expected"):
        encode("kernel", np.zeros(3))
