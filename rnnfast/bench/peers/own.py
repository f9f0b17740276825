"""rnnfast itself: what a plan chooses, every variant of every backend, and the trainer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import rnnfast
from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers.base import BFLOAT16_TOLERANCE, FLOAT32_TOLERANCE, Contender, NotHere, Ready
from rnnfast.bench.seed_models import EPOCH, STEP, WEIGHTS, SeedModel
from rnnfast.typing import Array

CHOSEN = "rnnfast"
"""The contender that the others are compared with: the plan's own choice."""

NUMPY = "NumPy loop"
"""The specification, one step at a time."""

# True float32 but for the kernels that exist for less, or for that too.
PRECISIONS = {
    ("cpu", "tiles"): ("high", "medium"),
    ("cupy", "block"): ("highest", "high", "medium"),
    ("cupy", "persistent"): ("highest", "high", "medium"),
}


def contenders(wanted: str = "auto") -> list[Contender]:
    """Those of a backend, or for "auto" of all that run here."""
    chosen = partial(plan_calls, backend=wanted)
    if wanted == "auto":
        found = [
            Contender(CHOSEN, "rnnfast", {"layer": chosen, "memory": chosen, "model": trainer}, own=True),
            Contender("rnnfast checkpointed", "rnnfast", {"memory": checkpointed}, own=True),
        ]
    else:
        found = [Contender(CHOSEN, "rnnfast", {"layer": chosen}, own=True, on_gpu=on_gpu(wanted))]
    for backend, reason in rnnfast.backends():
        for variant in rnnfast.variants(backend) if reason is None and wanted in ("auto", backend) else ():
            for precision in PRECISIONS.get((backend, variant.name), ("highest",)):
                name = f"{backend}/{variant.name}" + ("" if precision == "highest" else f" {precision}")
                found.append(
                    Contender(
                        NUMPY if backend == "reference" else name,
                        "rnnfast",
                        {"layer": partial(plan_calls, backend=backend, variant=variant.name, precision=precision)},
                        tolerance=BFLOAT16_TOLERANCE if precision == "medium" else FLOAT32_TOLERANCE,
                        own=backend != "reference",
                        on_gpu=on_gpu(backend),
                    )
                )
    return found


def plan_calls(case: Case, arrays: Mapping[str, Array], threads: int, **options: str) -> Ready:
    """Both passes through one plan."""
    rnnfast.set_num_threads(threads)
    try:
        plan = case.plan(**options)
    except (ValueError, RuntimeError) as error:
        raise NotHere(str(error).partition(", got Problem(")[0]) from error
    place, wait, back = _HOMES.get(plan.backend, _here)()
    x, w_ih, w_hh, b, dy = (place(arrays[name]) for name in ("x", "w_ih", "w_hh", "b", "dy"))

    def forward() -> Any:
        y, _ = plan.forward(x, w_ih, w_hh, b)
        wait()
        return (y,)

    def both() -> Any:
        y, _ = plan.forward(x, w_ih, w_hh, b)
        grads = plan.backward(dy, x, y, w_ih, w_hh)
        wait()
        return y, grads.dx, grads.dw_ih, grads.dw_hh

    return Ready({FORWARD: forward, BOTH: both}, lambda result: [back(array) for array in result])


class _Home(NamedTuple):
    """Where a backend has its arrays: how they get there, how to wait for the end of its work, how they come back."""

    place: Callable[[Array], Any]
    wait: Callable[[], object]
    back: Callable[[Any], Array]


def _here() -> _Home:
    return _Home(np.asarray, lambda: None, np.asarray)


def _cupy() -> _Home:
    import cupy

    return _Home(cupy.asarray, cupy.cuda.Device().synchronize, cupy.asnumpy)


def _numba() -> _Home:
    from numba import cuda

    return _Home(cuda.to_device, cuda.synchronize, lambda array: array.copy_to_host())


_HOMES: dict[str, Callable[[], _Home]] = {"cupy": _cupy, "numba": _numba}


def on_gpu(backend: str) -> bool:
    """Whether the arrays of a backend lie on a GPU."""
    return backend in _HOMES


def checkpointed(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """Both passes in segments of about the square root of T; the outputs are not kept."""
    rnnfast.set_num_threads(threads)
    x, w_ih, w_hh, b, dy = (arrays[name] for name in ("x", "w_ih", "w_hh", "b", "dy"))
    every = math.isqrt(case.seq_len)

    def both() -> tuple[Array, ...]:
        f = case.activation
        states, _ = rnnfast.checkpointed_forward(x, w_ih, w_hh, b, checkpoint_every=every, activation=f)
        grads = rnnfast.checkpointed_backward(dy, x, states, w_ih, w_hh, b, checkpoint_every=every, activation=f)
        return grads.dx, grads.dw_ih, grads.dw_hh

    return Ready({BOTH: both}, lambda grads: (None, *grads))


def trainer(case: SeedModel, arrays: Mapping[str, Array], threads: int) -> Ready:
    """The trainer's own step and epoch."""
    from rnnfast.layers import Dense, Embedding, SimpleRNN
    from rnnfast.losses import BinaryCrossentropy, SparseCategoricalCrossentropy
    from rnnfast.optimizers import RMSprop

    rnnfast.set_num_threads(threads)
    layers = [
        Embedding(case.words, case.input_size),
        SimpleRNN(case.hidden_size, activation=case.activation),
        Dense(case.outputs),
    ]
    model = rnnfast.Sequential(layers)
    loss = BinaryCrossentropy if case.outputs == 1 else SparseCategoricalCrossentropy
    model.compile(RMSprop(case.learning_rate), loss=loss(from_logits=True))
    return keras_like(model, layers, case, arrays)


def keras_like(model, layers, case: SeedModel, arrays: Mapping[str, Array]) -> Ready:  # type: ignore[no-untyped-def]
    """Step and epoch of a compiled Sequential with Keras's methods, with the weights of the case."""
    words, labels = arrays["words"], arrays["labels"]
    # Another run of the same step first, so that everything is built; its traces are overwritten.
    model.predict_on_batch(words[: case.batch])
    before = [arrays[name] for name in WEIGHTS]
    before[1:3] = before[1].T, before[2].T  # Keras multiplies weights from the right
    embedding, rnn, dense = layers
    for layer, weights in ((embedding, before[:1]), (rnn, before[1:4]), (dense, before[4:])):
        layer.set_weights(weights)

    def moved(_: object) -> list[Array]:
        after = [*embedding.get_weights(), *rnn.get_weights(), *dense.get_weights()]
        moves = [now - then for now, then in zip(after, before, strict=True)]
        moves[1:3] = moves[1].T, moves[2].T
        return moves

    return Ready(
        {
            STEP: lambda: model.train_on_batch(words[: case.batch], labels[: case.batch]),
            EPOCH: lambda: model.fit(words, labels, batch_size=case.batch, epochs=1, verbose=0),
        },
        moved,
    )
