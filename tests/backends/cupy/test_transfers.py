"""What comes to the host while a model trains on the GPU, as the stand-in for CuPy counts it, and what that refuses."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from operator import attrgetter
from types import ModuleType
from typing import Any

import emulated_arrays
import emulated_functions  # noqa: F401  # fills FUNCTIONS
import numpy as np
import pytest
from gpu_models import made

import rnnfast
from rnnfast.layers import Bidirectional, Dense, Dropout, Embedding, Layer, SimpleRNN
from rnnfast.optimizers import SGD, RMSprop

NVTX = ("nvtx.RangePush", "nvtx.RangePop")
X, Y = np.arange(24 * 5).reshape(24, 5) % 20, np.arange(24) % 2
BATCHES = [(X[i : i + 6], Y[i : i + 6]) for i in range(0, 24, 6)]


def layers() -> list[Layer]:
    return [
        Embedding(20, 4, mask_zero=True),
        SimpleRNN(5, return_sequences=True, dropout=0.2),
        Dropout(0.2),
        Bidirectional(SimpleRNN(3)),
        Dense(1, activation="sigmoid"),
    ]


def model(**options: Any) -> rnnfast.Sequential:
    return made("cupy", layers, loss="binary_crossentropy", dtype="float32", **options)


@pytest.fixture
def to_host(emulated_cupy: ModuleType) -> list[str]:
    """What came to the host of late."""
    emulated_arrays.TO_HOST.clear()
    return emulated_arrays.TO_HOST


@pytest.mark.parametrize(
    "optimizer",
    [
        *("sgd", "rmsprop", "adam", "adagrad"),
        lambda: RMSprop(momentum=0.5, clipnorm=1.0),
        lambda: SGD(momentum=0.5, global_clipnorm=1.0),
    ],
)
def test_a_step_brings_nothing_to_the_host_but_the_loss(optimizer: Any, to_host: list[str]) -> None:
    network = model(optimizer=optimizer)
    for x, y in BATCHES:
        network.train_on_batch(x, y)
    assert to_host == ["float64 (2,)"] * len(BATCHES)  # the sum of the losses of samples, and their number


def test_an_epoch_brings_only_its_logs(to_host: list[str]) -> None:
    network = model(optimizer="rmsprop", metrics=["accuracy", "precision"])
    network.fit(X, Y, batch_size=6, epochs=3, validation_split=0.25, verbose=0)
    assert to_host == ["float64 (2,)"] * 3 * 2 * 3
    to_host.clear()
    network.predict(X, batch_size=6)
    assert to_host == ["float32 (6, 1)"] * 4


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.array,
        np.ascontiguousarray,
        np.float64,
        lambda array: array + np.ones(3),
        lambda array: np.add(np.ones(3), array),
        lambda array: np.where(array, np.ones(3), 0),
        lambda array: array.__iadd__(np.ones(3)),
        lambda array: array.__setitem__(..., np.ones(3)),
        lambda array: np.linalg.norm(array),
        lambda array: np.take(array, array, mode="clip"),
    ],
)
def test_nothing_is_converted_in_silence(convert: Callable[[Any], Any], emulated_cupy: ModuleType) -> None:
    with pytest.raises(TypeError):
        convert(emulated_cupy.asarray(np.ones(3)))


@pytest.fixture(scope="module")
def real() -> ModuleType:
    """CuPy, which can be imported, and asked for names, without a GPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("cupy", exc_type=ImportError)


@pytest.mark.parametrize("name", emulated_arrays.UFUNCS)
def test_ufuncs_are_those_of_cupy(name: str, real: ModuleType) -> None:
    assert isinstance(getattr(real, name), real.ufunc)


@pytest.mark.parametrize("name", [name for name in emulated_arrays.FUNCTIONS if name not in ("matmul", "from_dlpack")])
def test_functions_take_what_those_of_cupy_take(name: str, real: ModuleType) -> None:
    assert getattr(np, name, np.zeros).__module__ == "numpy"  # where CuPy looks for its own of that name
    ours = inspect.signature(emulated_arrays.FUNCTIONS[name]).parameters
    theirs = inspect.signature(getattr(real, name)).parameters
    assert [p.name for p in ours.values()] == [name for name in theirs if name in ours]
    for parameter in ours.values():
        assert parameter.kind == theirs[parameter.name].kind
        assert parameter.default == theirs[parameter.name].default


@pytest.mark.parametrize(
    "name", [name for name, value in vars(emulated_arrays.ndarray).items() if name[0] != "_" and callable(value)]
)
def test_methods_take_what_those_of_cupy_take(name: str, real: ModuleType) -> None:
    # Compiled methods have their arguments in the first line of their docstring alone.
    line = getattr(real.ndarray, name).__doc__.splitlines()[0]
    theirs = [part.split("=")[0].split()[-1] for part in line[line.index("(") + 1 : line.index(")")].split(", ")]
    ours = [
        str(p).split("=")[0].split(":")[0]
        for p in inspect.signature(getattr(emulated_arrays.ndarray, name)).parameters.values()
    ]
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("name", ["Event", "Event.record", "Event.synchronize", "get_elapsed_time", *NVTX])
def test_events_and_ranges_take_what_those_of_cupy_take(name: str, emulated_cupy: ModuleType, real: ModuleType) -> None:
    find = attrgetter(f"cuda.{name}")
    # Compiled functions have their arguments in the first line of their docstring, maybe with types of C.
    line = find(real).__doc__.splitlines()[0] if name != "Event" else f"Event{inspect.signature(real.cuda.Event)}"
    theirs = [part.split()[-1] for part in line[line.index("(") + 1 : line.index(")")].split(", ") if part]
    ours = [
        p.name if p.default is p.empty else f"{p.name}={p.default}"
        for p in inspect.signature(find(emulated_cupy)).parameters.values()
    ]
    assert ours == theirs


def test_events_and_nvtx_have_what_is_asked_for(real: ModuleType) -> None:
    assert isinstance(real.cuda.Event.done, property)
    assert isinstance(real.cuda.nvtx.available, bool)
