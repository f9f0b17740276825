"""Every kind of bad input in one table: what is called, the error, and how its message begins.

Each message names the argument, what was expected and what came. Arrays of the functional API: test_functional.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rnnfast
from rnnfast import callbacks, constraints, initializers, losses, metrics, optimizers, regularizers, schedules
from rnnfast.layers import Bidirectional, Dense, Dropout, Embedding, SimpleRNN, TimeDistributed

BATCH, STEPS, FEATURES, UNITS = 4, 6, 3, 5
x = np.ones((BATCH, STEPS, FEATURES), np.float32)
y = np.ones((BATCH, 1), np.float32)


def plan(**changed: Any) -> Any:
    return rnnfast.plan(**{"seq_len": 1, "batch": 1, "input_size": 1, "hidden_size": 1, **changed})


def model(**options: Any) -> rnnfast.Sequential:
    layers = [SimpleRNN(UNITS, input_shape=(STEPS, FEATURES), **options), Dense(1, activation="sigmoid")]
    compiled = rnnfast.Sequential(layers, seed=0)
    compiled.compile("sgd", "binary_crossentropy")
    return compiled


BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: plan(seq_len=0), ValueError, "seq_len: expected at least 1, got 0"),
    (lambda: plan(batch=1.5), TypeError, "batch: expected an integer, got 1.5"),
    (lambda: plan(dtype="int8"), ValueError, "dtype: expected one of float32, float64, bfloat16, float16, got 'int8'"),
    (
        lambda: plan(hidden_size=65, variant="lanes"),
        ValueError,
        "variant: 'lanes' takes hidden_size up to 64, heads=1, a plain cell, got Problem(seq_len=1,",
    ),
    (lambda: plan(hidden_size=6, heads=4), ValueError, "heads: expected a divisor of hidden_size = 6, got 4"),
    (lambda: plan(heads=0), ValueError, "heads: expected at least 1, got 0"),
    (lambda: plan(heads=True), TypeError, "heads: expected an integer, got True"),
    (
        lambda: plan(hidden_size=6, heads=2, variant="stationary"),
        ValueError,
        "variant: 'stationary' takes heads=1, a plain cell, got Problem(seq_len=1,",
    ),
    (lambda: plan(clip=-1), ValueError, "clip: expected more than 0, or None, got -1"),
    (lambda: plan(clip="x"), TypeError, "clip: expected a number, got 'x'"),
    (lambda: rnnfast.Activation("tanh", alpha=1), ValueError, "alpha: expected None for 'tanh', which has none, got 1"),
    (lambda: rnnfast.Activation("elu", alpha=-1), ValueError, "alpha: expected at least 0 for 'elu', got -1.0"),
    (
        lambda: rnnfast.Activation("hard_tanh", alpha=1, beta=0),
        ValueError,
        "beta: expected more than alpha for 'hard_tanh', got 0.0",
    ),
    (lambda: rnnfast.Activation("nope"), ValueError, "name: expected one of tanh, relu, sigmoid, linear, leaky_relu,"),
    (lambda: rnnfast.set_num_threads(0), ValueError, "threads: expected at least 1, got 0"),
    (lambda: rnnfast.set_num_threads("two"), TypeError, "threads: expected an integer, got 'two'"),
    (lambda: rnnfast.variants("gpu"), ValueError, "backend: expected one of cpu, cupy, numba, reference, got 'gpu'"),
    (lambda: SimpleRNN(0), ValueError, "units: expected at least 1, got 0"),
    (lambda: SimpleRNN(2.5), TypeError, "units: expected an integer, got 2.5"),
    (
        lambda: SimpleRNN(5, activation="swish"),
        ValueError,
        "activation: expected one of tanh, relu, sigmoid, linear, leaky_relu,",
    ),
    (lambda: SimpleRNN(5, activation=3), TypeError, "activation: expected a name or an Activation, got 3"),
    (lambda: SimpleRNN(5, use_bias="yes"), TypeError, "use_bias: expected a bool, got 'yes'"),
    (
        lambda: SimpleRNN(5, dropout=1.0),
        ValueError,
        "dropout: expected a finite number, at least 0 and less than 1, got 1.0",
    ),
    (
        lambda: SimpleRNN(5, dropout=-0.1),
        ValueError,
        "dropout: expected a finite number, at least 0 and less than 1, got -0.1",
    ),
    (
        lambda: SimpleRNN(5, recurrent_dropout=2),
        ValueError,
        "recurrent_dropout: expected a finite number, at least 0 and less than 1, got 2",
    ),
    (lambda: SimpleRNN(5, return_sequences=1), TypeError, "return_sequences: expected a bool, got 1"),
    (
        lambda: SimpleRNN(5, kernel_initializer="magic"),
        ValueError,
        "kernel_initializer: expected one of constant, glorot_normal,",
    ),
    (
        lambda: SimpleRNN(5, kernel_regularizer="l3"),
        ValueError,
        "kernel_regularizer: expected one of l1, l1_l2, l2, orthogonal_regularizer, got 'l3'",
    ),
    (
        lambda: SimpleRNN(5, recurrent_constraint="tight"),
        ValueError,
        "recurrent_constraint: expected one of max_norm, min_max_norm, non_neg, unit_norm, got 'tight'",
    ),
    (
        lambda: SimpleRNN(5, backend="gpu"),
        ValueError,
        "backend: expected one of auto, cpu, cupy, numba, reference, got 'gpu'",
    ),
    (lambda: SimpleRNN(5, input_shape=(0, 3)), ValueError, "input_shape: expected at least 1, got 0"),
    (lambda: SimpleRNN(5, input_shape=(6, "3")), TypeError, "input_shape: expected an integer, got '3'"),
    (lambda: model().predict(x[:, :, :2]), ValueError, "x: 'simple_rnn' expected input_shape (6, 3), got (6, 2)"),
    (lambda: model().fit(x[:, :5], y), ValueError, "x: 'simple_rnn' expected input_shape (6, 3), got (5, 3)"),
    (lambda: SimpleRNN(5, dtype="float16"), ValueError, "dtype: expected one of float32, float64, got 'float16'"),
    (lambda: SimpleRNN(5, seed="x"), TypeError, "seed: expected an integer, a numpy SeedSequence or None, got 'x'"),
    (
        lambda: SimpleRNN(5)(np.ones((4, 3))),
        ValueError,
        "x: SimpleRNN expected (batch, time, features), got shape (4, 3)",
    ),
    (
        lambda: SimpleRNN(5)(np.ones((4, 0, 3))),
        ValueError,
        "x: expected at least 1 along every axis, got shape (4, 0, 3)",
    ),
    (lambda: SimpleRNN(5)("text"), TypeError, "x: expected real numbers, got dtype <U4"),
    (
        lambda: SimpleRNN(5)(x, initial_state=np.ones((3, 5))),
        ValueError,
        "initial_state: expected shape (4, 5), got (3, 5)",
    ),
    (
        lambda: rnnfast.Sequential([SimpleRNN(5, return_state=True)]),
        ValueError,
        "return_state: expected False for 'simple_rnn' in a Sequential, whose layers have one output, got True",
    ),
    (
        lambda: Bidirectional(Dense(3)),
        TypeError,
        "layer: expected a SimpleRNN, got <rnnfast.layers.dense.Dense object",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3), merge_mode="max"),
        ValueError,
        "merge_mode: expected one of concat, sum, mul, ave, None, got 'max'",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3), backward_layer=SimpleRNN(3)),
        ValueError,
        "go_backwards: expected True in backward_layer, the other of that of layer, got False",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3), merge_mode="sum", backward_layer=SimpleRNN(4, go_backwards=True)),
        ValueError,
        "units: expected 3 in backward_layer, as in layer, got 4",
    ),
    (
        lambda: Bidirectional(SimpleRNN(3))(x, initial_state=np.ones((4, 3))),
        ValueError,
        "initial_state: expected a pair of arrays, one for each direction, got",
    ),
    (lambda: TimeDistributed(3), TypeError, "layer: expected a Layer, got 3"),
    (
        lambda: TimeDistributed(SimpleRNN(3, stateful=True)),
        ValueError,
        "layer: expected another stateful inside TimeDistributed, got True",
    ),
    (lambda: Dense(0), ValueError, "units: expected at least 1, got 0"),
    (
        lambda: Dense(3, activation="tan"),
        ValueError,
        "activation: expected one of tanh, relu, sigmoid, linear, leaky_relu,",
    ),
    (lambda: Dropout(1.5), ValueError, "rate: expected a finite number, at least 0 and less than 1, got 1.5"),
    (lambda: Embedding(0, 3), ValueError, "input_dim: expected at least 1, got 0"),
    (lambda: Embedding(10, 3)(np.array([[1, 10]])), ValueError, "x: Embedding expected integers in 0..9, got 10"),
    (lambda: Embedding(10, 3)(np.array([[0.5]])), TypeError, "x: Embedding expected integers, got dtype float64"),
    (lambda: rnnfast.Sequential([3]), TypeError, "layer: expected a Layer, got 3"),
    (lambda: rnnfast.Sequential(dtype="float16"), ValueError, "dtype: expected one of float32, float64, got 'float16'"),
    (
        lambda: rnnfast.Sequential(backend="gpu"),
        ValueError,
        "backend: expected one of auto, cpu, cupy, numba, reference, got 'gpu'",
    ),
    (
        lambda: rnnfast.Sequential([Dense(3, name="a"), Dense(3, name="a")]),
        ValueError,
        "name: expected one that no other layer has, got 'a'",
    ),
    (
        lambda: rnnfast.Sequential([Dense(3)]).compile("magic", "mse"),
        ValueError,
        "optimizer: expected one of adagrad, adam, adamw, nadam, rmsprop, sgd, got 'magic'",
    ),
    (
        lambda: rnnfast.Sequential([Dense(3)]).compile("sgd", "magic"),
        ValueError,
        "loss: expected one of binary_crossentropy, categorical_crossentropy,",
    ),
    (
        lambda: rnnfast.Sequential([Dense(3)]).compile("sgd"),
        ValueError,
        "loss: expected one of binary_crossentropy, categorical_crossentropy,",
    ),
    (
        lambda: rnnfast.Sequential([Dense(3)]).compile("sgd", "mse", metrics=["magic"]),
        ValueError,
        "metrics: expected one of accuracy, auc, binary_accuracy,",
    ),
    (
        lambda: rnnfast.Sequential().compile("sgd", "mse"),
        ValueError,
        "layers: expected at least one before compile, got none",
    ),
    (lambda: model().fit(x, y[:3]), ValueError, "y: expected shape (4, 1) or (4,), got (3, 1)"),
    (lambda: model().fit(x, y, batch_size=0), ValueError, "batch_size: expected at least 1, got 0"),
    (lambda: model().fit(x, y, epochs=-1), ValueError, "epochs: expected at least 1, got -1"),
    (
        lambda: model().fit(x, y, validation_split=1.0),
        ValueError,
        "validation_split: expected a finite number, at least 0 and less than 1, got 1.0",
    ),
    (lambda: model().fit(x, y, sample_weight=np.ones(3)), ValueError, "sample_weight: expected shape (4,), got (3,)"),
    (
        lambda: model().fit(x, y, class_weight={0: -1}),
        ValueError,
        "class_weight[0]: expected a finite number, at least 0, got -1",
    ),
    (lambda: model().fit(x, y, callbacks=[3]), TypeError, "callbacks: expected Callback objects, got 3"),
    (lambda: model().predict(x, batch_size="all"), TypeError, "batch_size: expected an integer, got 'all'"),
    (lambda: model().set_weights([]), ValueError, "weights: expected 5 arrays, got 0"),
    (
        lambda: optimizers.SGD(learning_rate=-1),
        ValueError,
        "learning_rate: expected a finite number, at least 0, got -1",
    ),
    (
        lambda: optimizers.SGD(momentum=2),
        ValueError,
        "momentum: expected a finite number, at least 0 and less than 1, got 2",
    ),
    (
        lambda: optimizers.Adam(beta_1=1.0),
        ValueError,
        "beta_1: expected a finite number, at least 0 and less than 1, got 1.0",
    ),
    (lambda: optimizers.RMSprop(rho=-1), ValueError, "rho: expected a finite number, at least 0 and at most 1, got -1"),
    (
        lambda: schedules.ExponentialDecay(0.1, decay_steps=0, decay_rate=0.5),
        ValueError,
        "decay_steps: expected at least 1, got 0",
    ),
    (lambda: regularizers.L1(-1), ValueError, "l1: expected a finite number, at least 0, got -1"),
    (lambda: constraints.MaxNorm(-1), ValueError, "max_value: expected a finite number, at least 0, got -1"),
    (
        lambda: initializers.TruncatedNormal(stddev=-1),
        ValueError,
        "stddev: expected a finite number, at least 0, got -1",
    ),
    (lambda: callbacks.EarlyStopping(patience=-1), ValueError, "patience: expected at least 0, got -1"),
    (lambda: callbacks.EarlyStopping(mode="up"), ValueError, "mode: expected one of auto, min, max, got 'up'"),
    (lambda: metrics.TopKCategoricalAccuracy(k=0), ValueError, "k: expected at least 1, got 0"),
    (lambda: losses.get("magic"), ValueError, "loss: expected one of binary_crossentropy, categorical_crossentropy,"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message for _, _, message in BAD])
def test_bad_input(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value).startswith(message)
    assert ", got " in str(caught.value)


def test_the_table_is_long_enough() -> None:
    assert len({message for _, _, message in BAD}) >= 60
