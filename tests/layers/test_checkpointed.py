"""`checkpoint_every`: the bits of the whole pass, and memory that does not grow with the outputs."""

from __future__ import annotations

import numpy as np
import pytest

from rnnfast import Sequential
from rnnfast.initializers import RandomNormal
from rnnfast.layers import Bidirectional, Dense, Dropout, Embedding, Masking, SimpleRNN

rng = np.random.default_rng(0)
B, T, I, H = 5, 700, 3, 6  # noqa: E741
x = rng.standard_normal((B, T, I)).astype(np.float32)
mask = rng.random((B, T)) < rng.random((B, 1))
OPTIONS = [
    {},
    {"go_backwards": True, "activation": "relu"},
    {"dropout": 0.3, "recurrent_dropout": 0.2},
    {"bptt_steps": 40, "stateful": True},
    {"zero_output_for_mask": True, "use_bias": False},
    {"zoneout": 0.2, "drop_connect": 0.2, "output_dropout": 0.3, "layer_norm": True},
]


def passes(layer: SimpleRNN | Bidirectional, masked: bool) -> list[np.ndarray]:
    """Outputs and gradients of two batches."""
    results = []
    for inputs in (x, x[:, ::-1]):
        results.append(layer(inputs, training=True, mask=mask if masked else None))
        results.append(layer.backward(np.ones_like(results[-1])))
        results += [parameter.gradient for parameter in layer.parameters]
    return results


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("directions", [1, 2])
def test_bits_are_those_without(directions, options, masked):
    tame = RandomNormal(stddev=0.2)  # so that nothing overflows in so many steps
    layers = [SimpleRNN(H, seed=1, recurrent_initializer=tame, checkpoint_every=k, **options) for k in (None, 50)]
    if directions == 2:
        against = [{"go_backwards": not layer.go_backwards, "seed": None} for layer in layers]
        others = [SimpleRNN(**{**layer.arguments(), **change}) for layer, change in zip(layers, against, strict=True)]
        layers = [Bidirectional(layer, backward_layer=other) for layer, other in zip(layers, others, strict=True)]
    whole, parts = layers
    for one, other in zip(passes(parts, masked), passes(whole, masked), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(parts(x), whole(x))  # in inference, too


@pytest.mark.parametrize("before", [[], [Masking()], [Dropout(0.2)], [Dense(4)]], ids=lambda layers: str(len(layers)))
def test_a_model_trains_to_the_same_bits(before):
    weights = []
    for every in (None, 64):
        layers = [type(layer).from_config(layer.get_config()) for layer in before]
        model = Sequential([*layers, SimpleRNN(H, checkpoint_every=every), Dense(1)], seed=2)
        model.compile("adam", "mse")
        model.fit(x, np.ones(B), epochs=3, batch_size=B)
        weights.append(model.get_weights())
        assert model.layers[len(before)].wants_dx == any(isinstance(layer, Dense) for layer in before)
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_embedding_below_gets_its_gradient():
    ids = rng.integers(0, 9, (B, T))
    weights = []
    for every in (None, 64):
        model = Sequential([Embedding(9, 4, mask_zero=True), SimpleRNN(H, checkpoint_every=every), Dense(1)], seed=2)
        model.compile("rmsprop", "mse")
        model.fit(ids, np.ones(B), epochs=2)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_gradient_of_x_where_nobody_wants_it():
    for layer in (SimpleRNN(H, checkpoint_every=50), Bidirectional(SimpleRNN(H))):
        layer.wants_dx = False
        y = layer(x, training=True)
        assert layer.backward(np.ones_like(y)) is None
        assert all(parameter.gradient is not None for parameter in layer.parameters)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every: expected at least 1, got 0"),
        ({"checkpoint_every": True}, TypeError, "checkpoint_every: expected an integer, got True"),
        (
            {"checkpoint_every": 9, "return_sequences": True},
            ValueError,
            "checkpoint_every: expected None with return_sequences, got 9",
        ),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        SimpleRNN(2, **options)


LONG = """
import resource, sys
import numpy as np
from rnnfast import Sequential
from rnnfast.layers import Dense, SimpleRNN
seq_len, batch, features, hidden, every = (int(a) for a in sys.argv[1:])
x = np.random.default_rng(0).random((batch, seq_len, features), dtype=np.float32)
model = Sequential([SimpleRNN(hidden, checkpoint_every=every), Dense(1)], seed=0)
model.compile("sgd", "mse")
model.build(x.shape)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before = peak()
loss = model.train_on_batch(x, np.ones(batch, np.float32))
assert np.isfinite(loss) and all(np.isfinite(array).all() for array in model.get_weights())
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("seq_len", "batch", "features", "hidden", "most"),
    [
        (8000, 16, 16, 128, 8000 * 16 * 128 * 4 // 2),  # half of the outputs alone
        (5000, 16, 256, 16, 5000 * 16 * 256 * 4 // 2),  # half of x, which lies batch-major
        pytest.param(100_000, 16, 16, 256, 2**30, marks=pytest.mark.exhaustive),
    ],
)
def test_a_batch_of_long_sequences_is_trained_in_little_memory(run_python, seq_len, batch, features, hidden, most):
    done = run_python("-c", LONG, *(str(n) for n in (seq_len, batch, features, hidden, 300)))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < most
