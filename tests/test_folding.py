"""Inference through a folded table, against the layers one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rnnfast
from rnnfast import Activation, _cpu, folding
from rnnfast.layers import Dense, Dropout, Embedding, Layer, SimpleRNN

WORDS = 50


def model(mask_zero: bool = False, **options: Any) -> rnnfast.Sequential:
    bias = rnnfast.initializers.RandomNormal(stddev=0.5)
    rnn = SimpleRNN(**{"units": 6, "bias_initializer": bias, **options})
    return rnnfast.Sequential([Embedding(WORDS, 9, mask_zero=mask_zero), rnn, Dropout(0.5), Dense(2)], seed=1)


def ids(samples: int = 41, steps: int = 11) -> np.ndarray:
    return np.random.default_rng(0).integers(0, WORDS, (samples, steps))


@pytest.mark.parametrize("isa", _cpu.supported_isas())
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "linear", Activation("softplus", beta=2)])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("units", [1, 5, 8, 17, 64])
def test_predict_is_what_the_layers_compute(
    units: int, go_backwards: bool, activation: str | Activation, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNFAST_ISA", isa)
    folded = model(units=units, go_backwards=go_backwards, activation=activation)
    x = ids()
    assert folding.last_states(folded.layers, folded.inputs(x)) is not None
    np.testing.assert_allclose(folded.predict(x), folded.predict_on_batch(x), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64])
def test_any_integers_in_any_order(kind: type) -> None:
    folded = model()
    x = np.asfortranarray(ids().astype(kind))
    np.testing.assert_allclose(folded.predict(x), folded.predict_on_batch(x), rtol=0, atol=2e-6)


def test_without_bias_and_in_float64() -> None:
    layers: list[Layer] = [Embedding(WORDS, 9), SimpleRNN(6, use_bias=False), Dense(2)]
    folded = rnnfast.Sequential(layers, seed=1, dtype="float64")
    x = ids()
    assert folded.predict(x).dtype == np.float64
    np.testing.assert_allclose(folded.predict(x), folded.predict_on_batch(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("isa", _cpu.supported_isas())
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"activation": "sigmoid"}, {"units": 17}], ids=str)
def test_masked_steps(options: dict[str, Any], isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNFAST_ISA", isa)
    folded = model(mask_zero=True, **options)
    x = ids(300)
    x *= np.random.default_rng(1).random(x.shape) < np.linspace(0, 1, len(x))[:, None]  # from no valid step to all
    states = folding.last_states(folded.layers, folded.inputs(x))
    assert states is not None
    np.testing.assert_array_equal(states[(x == 0).all(axis=1)], 0)
    np.testing.assert_allclose(folded.predict(x), folded.predict_on_batch(x), rtol=1e-5, atol=2e-6)
    for sequence, state in zip(x[::40], states[::40], strict=True):  # as if the masked steps were not there
        short = sequence[sequence != 0][None]
        if short.size:
            embedding, rnn = folded.layers[:2]
            np.testing.assert_allclose(state, rnn(embedding(short))[0], rtol=1e-5, atol=2e-6)


def test_bits_do_not_depend_on_threads() -> None:
    folded, x = model(), ids(500)
    results = []
    for threads in (1, 2, 5):
        rnnfast.set_num_threads(threads)
        results.append(folded.predict(x))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_what_training_owes_the_table_is_in_it() -> None:
    trained = model()
    trained.compile(rnnfast.optimizers.SGD(0.1, momentum=0.9), "mse")
    y = np.zeros((41, 2))
    trained.fit(ids(), y, epochs=2, batch_size=8, verbose=0)
    x = ids(60)
    np.testing.assert_allclose(trained.predict(x), trained.predict_on_batch(x), rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "layers",
    [
        [Embedding(WORDS, 9), SimpleRNN(6, return_sequences=True)],
        [Embedding(WORDS, 9), SimpleRNN(6, backend="reference")],
        [Embedding(WORDS, 9), SimpleRNN(65)],
        [Embedding(10 * WORDS, 9), SimpleRNN(6)],  # more words than tokens
        [Embedding(WORDS, 9), Dropout(0.1), SimpleRNN(6)],
        [Embedding(WORDS, 9, mask_zero=True), SimpleRNN(6, zero_output_for_mask=True)],
        [Embedding(WORDS, 9), SimpleRNN(6, layer_norm=True)],
        [Embedding(WORDS, 9), SimpleRNN(6, zoneout=0.1)],
        [Embedding(WORDS, 9)],
    ],
)
def test_where_it_does_not_apply(layers: list[Layer]) -> None:
    other = rnnfast.Sequential(layers, seed=1)
    x = ids()
    assert folding.last_states(other.layers, other.inputs(x)) is None
    np.testing.assert_allclose(other.predict(x), other.predict_on_batch(x), rtol=0, atol=2e-6)


def test_what_is_dropped_in_training_alone_does_not_matter() -> None:
    rates = ("dropout", "recurrent_dropout", "drop_connect", "output_dropout")
    folded = model(**dict.fromkeys(rates, 0.3))
    x = ids()
    assert folding.last_states(folded.layers, folded.inputs(x)) is not None
    np.testing.assert_allclose(folded.predict(x), folded.predict_on_batch(x), rtol=1e-5, atol=2e-6)


def test_a_stateful_layer_keeps_its_state() -> None:
    stateful = model(stateful=True)
    x = ids(8, 20)
    first, second = stateful.predict(x, batch_size=8), stateful.predict(x, batch_size=8)
    assert (first != second).any()
