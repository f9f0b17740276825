"""SimpleRNN and Bidirectional against those of Keras, forward and backward.

The sizes are fixed but for the steps: JAX compiles every operation anew for each shape, which takes a hundred times as
long as what is compared; for the same reason it goes through its loop over the steps without compiling it. The other
peers cover the sizes.

With unroll=True Keras means something else by a mask: outputs begin with 0, not with the initial state, and
zero_output_for_mask has no effect. What it does without is followed.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from rnnfast import Activation
from rnnfast.layers import Bidirectional, SimpleRNN

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

PHASES = [Phase.reuse, Phase.generate, Phase.shrink]  # no explaining, which takes minutes here
BATCH, FEATURES, UNITS = 3, 2, 4
# Of each activation of Keras what it is here, where the name does not say it.
ACTIVATIONS: dict[str | None, str | Activation | None] = {
    None: None,
    **{name: name for name in ("tanh", "relu", "sigmoid", "linear", "elu", "selu", "softsign", "softplus")},
    "hard_tanh": "hard_tanh",
    "leaky_relu": Activation("leaky_relu", alpha=0.2),
    "hard_sigmoid": Activation("hard_sigmoid", alpha=1 / 6),
    "relu6": Activation("hard_tanh", alpha=0, beta=6),
}
LAYERS = {
    "activation": st.sampled_from([*ACTIVATIONS]),
    "use_bias": st.booleans(),
    "return_sequences": st.booleans(),
    "return_state": st.booleans(),
    "stateful": st.booleans(),
}
DIRECTION = {"go_backwards": st.booleans(), "zero_output_for_mask": st.booleans()}  # Bidirectional sets both itself
CALLS = st.fixed_dictionaries(
    {
        "seq_len": st.integers(1, 5),
        "mask": st.booleans(),
        "initial_state": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
    }
)


@pytest.fixture(scope="session")
def keras(keras: ModuleType) -> ModuleType:
    if keras.backend.backend() != "jax":
        pytest.skip(f"Keras runs on {keras.backend.backend()}, not on JAX")
    return keras


@settings(max_examples=160, deadline=None, phases=PHASES)
@given(st.fixed_dictionaries({**LAYERS, **DIRECTION}), CALLS)
def test_simple_rnn(agree: Callable[..., None], keras: Any, options: dict[str, Any], call: dict[str, Any]) -> None:
    ours, theirs = both_layers(keras, options)
    compare(agree, theirs, ours, (options, call))


@settings(max_examples=100, deadline=None, phases=PHASES)
@given(st.fixed_dictionaries(LAYERS), st.sampled_from(["concat", "sum", "mul", "ave", None]), CALLS)
def test_bidirectional(
    agree: Callable[..., None], keras: Any, options: dict[str, Any], mode: str | None, call: dict[str, Any]
) -> None:
    assume(not (options["stateful"] and options["return_state"]))  # Keras 3.15 fails to make the mask of such states
    ours, theirs = both_layers(keras, options)
    both = keras.layers.Bidirectional(theirs, merge_mode=mode)
    compare(agree, both, Bidirectional(ours, mode), (options, mode, call))


def both_layers(keras: Any, options: dict[str, Any]) -> tuple[SimpleRNN, Any]:
    ours = SimpleRNN(UNITS, **{**options, "activation": ACTIVATIONS[options["activation"]]})
    return ours, keras.layers.SimpleRNN(UNITS, **options, bias_initializer="random_normal")


def compare(agree: Callable[..., None], theirs: Any, ours: Any, options: tuple[Any, ...]) -> None:
    """Two batches in a row, so that a state that is kept has an effect; gradients of the second."""
    call = options[-1]
    rng = np.random.default_rng(call["seed"])

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32)

    directions = len(getattr(ours, "inner", [ours]))
    for _ in range(2):
        x = draw(BATCH, call["seq_len"], FEATURES)
        states = [draw(BATCH, UNITS) for _ in range(directions)] if call["initial_state"] else None
        arguments: dict[str, Any] = {} if states is None else {"initial_state": states if directions > 1 else states[0]}
        if call["mask"]:
            arguments["mask"] = rng.random(x.shape[:2]) < 0.6
        if not ours.built:
            ours(x), theirs.build(x.shape)
            ours.reset_states()
            ours.set_weights(theirs.get_weights())
        got = as_list(ours(x, training=True, **arguments))
        dy = [draw(*array.shape) for array in got[: len(got) - directions * ours.return_state]]
        right, right_gradients = called(theirs, x, arguments, dy)
    gradients = [ours.backward(dy if len(dy) > 1 else dy[0])]
    gradients += [each.gradient.T if each.transposed else each.gradient for each in ours.parameters]
    assert len(got) == len(right)
    agree(
        "keras",
        (*options[:-1], {**call, "seed": None}),
        dict(enumerate([*got, *gradients])),
        dict(enumerate([*right, *right_gradients])),
    )


def called(layer: Any, x: np.ndarray, arguments: dict[str, Any], dy: list[np.ndarray]) -> tuple[list[Any], list[Any]]:
    """The outputs of a Keras layer, which keeps its state, and the gradients of x and the weights."""
    import jax

    weights = [variable.value for variable in layer.trainable_variables]
    others = [variable.value for variable in layer.non_trainable_variables]

    def outputs(weights: list[Any], x: Any) -> list[Any]:
        return as_list(layer.stateless_call(weights, others, x, **arguments)[0])

    with jax.disable_jit():
        y, pull_back = jax.vjp(outputs, weights, x)
        dweights, dx = pull_back([*dy, *(np.zeros_like(state) for state in y[len(dy) :])])
        return as_list(layer(x, **arguments)), [dx, *dweights]  # the call above leaves the state alone


def as_list(y: Any) -> list[Any]:
    return list(y) if isinstance(y, list | tuple) else [y]
