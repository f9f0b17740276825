"""Where the arrays of a model on the GPU lie: what files hold, and what is refused."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from gpu_models import assert_equal, made, trained

import rnnfast
from rnnfast.backends import REGISTRY
from rnnfast.language_model import Settings, Training
from rnnfast.layers import Bidirectional, Dense, Dropout, Embedding, Layer, SimpleRNN, TimeDistributed
from rnnfast.optimizers import Adam, RMSprop

pytestmark = pytest.mark.usefixtures("cupy")

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 20, (24, 5)), RNG.integers(0, 2, 24)
BATCHES = [(X[i : i + 6], Y[i : i + 6]) for i in range(0, 24, 6)]


def layers() -> list[Layer]:
    return [
        Embedding(20, 4, mask_zero=True),
        SimpleRNN(5, return_sequences=True, dropout=0.2),
        Dropout(0.2),
        Bidirectional(SimpleRNN(3)),
        Dense(1, activation="sigmoid"),
    ]


def model(backend: str = "cupy", **options: Any) -> rnnfast.Sequential:
    options = {"optimizer": lambda: RMSprop(momentum=0.5, global_clipnorm=1.0), **options}
    return made(backend, layers, loss="binary_crossentropy", dtype="float32", **options)


def test_everything_lies_on_the_gpu(cupy: ModuleType) -> None:
    network = model()
    trained(network, BATCHES)
    optimizer = network.optimizer
    lying = [array for p in optimizer.parameters for array in (p.value, *_arrays(p.gradient))]
    lying += [array for table in optimizer._tables for array in (*table.slots.values(), table.last_step)]
    lying += [optimizer._dense.weights, optimizer._dense.gradient, *optimizer._dense.slots.values()]
    assert len(lying) > 20
    assert all(isinstance(array, cupy.ndarray) for array in lying)


def _arrays(gradient: Any) -> tuple[Any, ...]:
    return tuple(gradient) if isinstance(gradient, tuple) else (gradient,)


def test_fit_is_the_same_on_both_sides() -> None:
    here, there = model("cpu"), model()
    histories = [
        network.fit(X, Y, batch_size=7, epochs=3, validation_split=0.25, verbose=0).history for network in (here, there)
    ]
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-5)
    assert_equal(here, there)
    np.testing.assert_allclose(there.evaluate(X, Y), here.evaluate(X, Y), rtol=1e-5)
    np.testing.assert_allclose(there.predict(X), here.predict(X), rtol=1e-5)
    np.testing.assert_allclose(there.predict_on_batch(X), here.predict_on_batch(X), rtol=1e-5)
    assert type(there.predict(X)) is type(there.predict_on_batch(X)) is np.ndarray


@pytest.mark.parametrize(("first", "second"), [("cpu", "cupy"), ("cupy", "cpu"), ("cupy", "cupy")])
def test_training_goes_on_on_either_side(first: str, second: str, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    whole, half = model("cpu"), model(first)
    trained(whole, BATCHES * 2)
    trained(half, BATCHES)
    half.save(tmp_path / "half.safetensors")
    resumed = rnnfast.load_model(tmp_path / "half.safetensors", backend=second)
    assert {resumed.backend, *(layer.backend for layer in resumed.layers if isinstance(layer, SimpleRNN))} == {second}
    assert_equal(half, resumed)
    trained(resumed, BATCHES)
    assert_equal(whole, resumed)


def test_files_of_both_sides_are_the_same(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    files = []
    for backend in ("cpu", "cupy"):
        network = model(backend)
        trained(network, BATCHES[:1])
        network.save(tmp_path / backend)
        network.save_weights(tmp_path / f"{backend}.weights")
        files.append((numpy.load_file(tmp_path / backend), numpy.load_file(tmp_path / f"{backend}.weights")))
    for one, other in zip(*files, strict=True):
        assert {name: (a.dtype, a.shape) for name, a in one.items()} == {
            n: (a.dtype, a.shape) for n, a in other.items()
        }
    fresh = model("cpu")
    fresh.load_weights(tmp_path / "cupy.weights")
    np.testing.assert_array_equal(fresh.predict(X), _loaded(tmp_path / "cupy").predict(X))


def _forms(tensors: dict[str, np.ndarray]) -> dict[str, tuple[Any, ...]]:
    return {name: (array.dtype, array.shape) for name, array in tensors.items()}


def _loaded(path: Path) -> rnnfast.Sequential:
    return rnnfast.load_model(path, backend="cpu")


def test_a_language_model() -> None:
    text = "the cat sat on the mat and the rat sat on the cat " * 8
    scores = []
    for backend in ("cpu", "cupy"):
        settings = Settings(
            hidden=6, embedding=6, layers=2, tied=True, dropout=0.1, streams=4, bptt_steps=8, backend=backend
        )
        training = Training(text, settings)
        scores.append([*(training.step().nats for _ in range(6)), training.held_out().nats])
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-5)


def test_the_first_weights_are_the_same_to_the_bit() -> None:
    for one, other in zip(*(_built(backend).get_weights() for backend in ("cpu", "cupy")), strict=True):
        np.testing.assert_array_equal(one, other)


def _built(backend: str) -> rnnfast.Sequential:
    network = model(backend)
    network.build((None, 5))
    return network


def test_weights_go_in_and_come_out_as_numpy_arrays() -> None:
    network = _built("cupy")
    weights = [np.full(w.shape, number, np.float64) for number, w in enumerate(network.get_weights())]
    network.set_weights(weights)
    for one, other in zip(network.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("option", "value", "plain"),
    [
        ("heads", 2, "1"),
        ("layer_norm", True, "False"),
        ("recurrent_dropout", 0.5, "0.0"),
        ("zoneout", 0.5, "0.0"),
        ("checkpoint_every", 2, "None"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda rnn: rnn, Bidirectional, TimeDistributed])
def test_what_the_gpu_has_not_is_refused_by_name(option: str, value: Any, plain: str, wrap: Any) -> None:
    layer = wrap(SimpleRNN(4, **{option: value}))
    network = rnnfast.Sequential(backend="cupy")
    with pytest.raises(ValueError, match=f"^{option}: expected {plain} in '.*' on the backend 'cupy'.*got {value}"):
        network.add(layer)
    assert network.layers == []
    assert rnnfast.Sequential([layer], backend="cpu").layers == [layer]


def test_a_layer_lies_where_its_model_does() -> None:
    with pytest.raises(
        ValueError, match=r"^backend: expected 'auto' in 'simple_rnn', as in its model.*CPU, got 'cupy'"
    ):
        rnnfast.Sequential([SimpleRNN(3, backend="cupy")])
    with pytest.raises(ValueError, match=r"^backend: expected 'cupy' in 'simple_rnn', as in its model.*GPU, got 'cpu'"):
        rnnfast.Sequential([SimpleRNN(3, backend="cpu")], backend="cupy")
    with pytest.raises(ValueError, match=r"^backend: expected one on the CPU in 'simple_rnn' outside.*got 'cupy'"):
        SimpleRNN(3, backend="cupy")(np.zeros((2, 3, 4)))
    rnnfast.Sequential([SimpleRNN(3, backend="cupy")], backend="cupy")
    built = Dense(3)
    built(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"^backend: expected 'dense' without weights in a model on the GPU, got one"):
        rnnfast.Sequential([built], backend="cupy")


def test_a_layer_of_a_model_can_be_called(cupy: ModuleType) -> None:
    network = _built("cupy")
    ids = X[:4]
    y = network.layers[1](network.layers[0](ids).get())
    assert isinstance(y, cupy.ndarray)
    assert y.shape == (4, 5, 5)
    initial = network.layers[1](network.layers[0](ids).get(), initial_state=np.ones((4, 5)), mask=ids != 0)
    assert not np.array_equal(initial.get(), y.get())


def test_without_a_gpu_it_is_the_building_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REGISTRY["cupy"], "unavailable", lambda: "there is none")
    network = rnnfast.Sequential([Dense(3)], backend="cupy")
    with pytest.raises(RuntimeError, match=r"^backend: 'cupy' cannot run here: there is none"):
        network.build((None, 4))


def test_an_unknown_backend_of_a_file(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    network = made("cpu", lambda: [Dense(1, input_shape=(2,))], optimizer=Adam, loss="mse")
    network.build()
    network.save(tmp_path / "model")
    with pytest.raises(ValueError, match=r"^backend: expected one of auto, cpu, .*got 'tpu'"):
        rnnfast.load_model(tmp_path / "model", backend="tpu")
