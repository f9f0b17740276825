import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnfast import Sequential
from rnnfast.bucketing import BucketedBatches
from rnnfast.layers import Dense, Embedding, SimpleRNN


def ragged(count, seed=0, longest=20):
    """Sequences of 1.. with their own number at the end, so that each can be told apart."""
    rng = np.random.default_rng(seed)
    return [[*rng.integers(1, 5, rng.integers(0, longest)).tolist(), 100 + i] for i in range(count)]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 60),
    batch_size=st.integers(1, 9),
    pool_batches=st.integers(1, 4),
    padding=st.sampled_from(["pre", "post"]),
    shuffle=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_pass_has_every_sequence_once_padded_to_the_longest(count, batch_size, pool_batches, padding, shuffle, seed):
    sequences = ragged(count, seed)
    bucketed = BucketedBatches(
        sequences, np.arange(count), batch_size, padding=padding, value=-7, shuffle=shuffle,
        pool_batches=pool_batches, seed=seed,
    )  # fmt: skip
    for _ in range(2):
        seen = []
        batches = list(bucketed)
        assert len(batches) == len(bucketed)
        for x, y in batches:
            assert x.dtype == np.int64
            assert 1 <= len(x) == len(y) <= batch_size
            assert x.shape[1] == max(len(sequences[i]) for i in y)
            for row, i in zip(x.tolist(), y, strict=True):
                fill = [-7] * (x.shape[1] - len(sequences[i]))
                assert row == (fill + sequences[i] if padding == "pre" else sequences[i] + fill)
            seen.extend(y)
        assert sorted(seen) == list(range(count))


def order(bucketed):
    return [tuple(y) for _, y in bucketed]


def test_the_order_follows_from_the_seed_and_changes_from_pass_to_pass():
    sequences = ragged(100)
    one, same, other = (BucketedBatches(sequences, np.arange(100), 8, pool_batches=3, seed=seed) for seed in (5, 5, 6))
    first, second = order(one), order(one)
    assert [order(same), order(same)] == [first, second]
    assert order(other) != first != second


def test_shuffled_batches_do_not_come_by_length():
    longest = [x.shape[1] for x, _ in BucketedBatches(ragged(200), np.zeros(200), 8, seed=0)]
    assert sorted(longest) != longest
    assert sorted(longest, reverse=True) != longest


def test_without_shuffling_sorted_by_length_equal_ones_in_their_order():
    sequences = [[1, 2], [3], [4, 5], [6, 7, 8], [9]]
    bucketed = BucketedBatches(sequences, np.array(list("abcde")), 2, shuffle=False)
    expected = [("b", "e"), ("a", "c"), ("d",)]
    assert order(bucketed) == order(bucketed) == expected


def padded_share(bucketed):
    cells = [np.array([x.size, (x == 0).sum()]) for x, _ in bucketed]
    total, padding = np.sum(cells, axis=0)
    return padding / total


def test_a_larger_pool_pads_less():
    sequences = ragged(2000, longest=100)
    shares = [
        padded_share(BucketedBatches(sequences, np.zeros(2000), 20, pool_batches=pool, seed=0)) for pool in (1, 10, 100)
    ]
    assert shares[0] > 0.4 > 0.1 > shares[1] > shares[2]
    assert shares[2] < 0.02


def test_an_empty_sequence_is_padding():
    ((x, y),) = BucketedBatches([[], np.array([], np.int32)], [[1], [2]])
    assert sorted(y.tolist()) == [[1], [2]]
    np.testing.assert_array_equal(x, [[0], [0]])


def test_a_model_learns_from_them():
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 9, rng.integers(1, 12)) for _ in range(200)]
    labels = np.array([sequence[-1] > 4 for sequence in sequences]).astype(int)
    model = Sequential([Embedding(9, 4), SimpleRNN(8), Dense(1, "sigmoid")], seed=0)
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    model.fit(BucketedBatches(sequences, labels, 8, seed=0), epochs=20)
    assert model.evaluate(BucketedBatches(sequences, labels, shuffle=False), return_dict=True)["accuracy"] > 0.95


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: BucketedBatches([], []), ValueError, "sequences: expected at least one, got none"),
        (lambda: BucketedBatches([[1]], [1, 2]), ValueError, r"targets: expected one for each of 1 .*shape \(2,\)"),
        (lambda: BucketedBatches([[1]], 1), ValueError, r"targets: expected .*got shape \(\)"),
        (
            lambda: BucketedBatches([[1], [0.5]], [1, 2]),
            TypeError,
            r"sequences\[1\]: expected integers, got dtype float",
        ),
        (lambda: BucketedBatches([[[1]]], [1]), ValueError, r"sequences\[0\]: expected one axis, got shape \(1, 1\)"),
        (lambda: BucketedBatches([[1]], [1], 0), ValueError, "batch_size: expected at least 1, got 0"),
        (lambda: BucketedBatches([[1]], [1], pool_batches=0), ValueError, "pool_batches: expected at least 1, got 0"),
        (lambda: BucketedBatches([[1]], [1], padding="left"), ValueError, "padding: expected one of pre, post, got 'l"),
        (lambda: BucketedBatches([[1]], [1], value=0.5), TypeError, "value: expected an integer, got 0.5"),
        (lambda: BucketedBatches([[1]], [1], shuffle=1), TypeError, "shuffle: expected a bool, got 1"),
        (lambda: BucketedBatches([[1]], [1], seed=-1), ValueError, "seed: expected at least 0, got -1"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
