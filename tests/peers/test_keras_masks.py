"""Masked layers against Keras, over randomised options and masks."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnfast.layers import Bidirectional, SimpleRNN

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

BATCH, STEPS, FEATURES, UNITS = 4, 6, 3, 5  # of one size, so that JAX compiles each combination once
OPTIONS = st.fixed_dictionaries(
    {
        "activation": st.sampled_from(["tanh", "relu"]),
        "use_bias": st.booleans(),
        "return_sequences": st.booleans(),
        "return_state": st.booleans(),
        "zero_output_for_mask": st.booleans(),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPTIONS, st.sampled_from(["forwards", "backwards", "concat", "sum", "mul", "ave"]), st.integers(0, 2**32 - 1))
def test_outputs_and_states(keras: ModuleType, options: dict[str, Any], way: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((BATCH, STEPS, FEATURES)).astype(np.float32)
    mask = rng.random((BATCH, STEPS)) < rng.random((BATCH, 1)).round(1)  # none and all of the steps, too
    layers = []
    for kinds in (keras.layers, None):
        rnn = (kinds.SimpleRNN if kinds else SimpleRNN)(UNITS, go_backwards=way == "backwards", **options)
        both = kinds.Bidirectional if kinds else Bidirectional
        layers.append(rnn if way.endswith("wards") else both(rnn, way))
    theirs, ours = layers
    theirs(x), ours(x)
    theirs.set_weights([rng.standard_normal(array.shape).astype(np.float32) / 2 for array in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    right, got = keras.tree.flatten(theirs(x, mask=mask)), ours(x, mask=mask)
    for one, other in zip(got if isinstance(got, list) else [got], right, strict=True):
        np.testing.assert_allclose(one, np.asarray(other), rtol=1e-3, atol=1e-5)
