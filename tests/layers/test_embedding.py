import numpy as np
import pytest

from rnnfast.layers import Embedding
from rnnfast.rows import combine

ids = np.array([[0, 3, 3], [6, 1, 3]], np.int32)


def test_output_is_the_rows_in_time_major_memory():
    layer = Embedding(7, 4, seed=0)
    y = layer(ids)
    (table,) = layer.get_weights()
    assert table.shape == (7, 4)
    np.testing.assert_array_equal(y, table[ids])
    assert y.shape == (2, 3, 4)
    assert y.transpose(1, 0, 2).flags.c_contiguous


def test_default_is_uniform_as_in_keras():
    layer = Embedding(200, 50, seed=0)
    layer(ids)
    (table,) = layer.get_weights()
    assert 0.049 < np.abs(table).max() <= 0.05
    assert table.std() == pytest.approx(0.1 / np.sqrt(12), rel=0.02)


@pytest.mark.parametrize("memory", ["batch-major", "time-major"])
def test_gradient(memory, numeric_gradient):
    layer = Embedding(7, 2, dtype="float64", seed=0)
    layer(ids)
    weight = np.random.default_rng(1).standard_normal((2, 3, 2))
    dy = weight if memory == "batch-major" else weight.transpose(1, 0, 2).copy().transpose(1, 0, 2)
    (parameter,) = layer.parameters

    def loss():
        return float((layer.forward(ids, training=True) * weight).sum())

    loss()
    assert layer.backward(dy) is None
    rows, sums = combine(*parameter.gradient)
    dense = np.zeros((7, 2))
    dense[rows] = sums
    np.testing.assert_allclose(dense, numeric_gradient(loss, parameter.value), atol=1e-8)
    np.testing.assert_array_equal(np.sort(rows), [0, 1, 3, 6])


def test_the_gradient_keeps_no_copy_of_time_major_memory():
    layer = Embedding(7, 2, seed=0)
    layer(ids, training=True)
    dy = np.ones((3, 2, 2), np.float32)
    layer.backward(dy.transpose(1, 0, 2))
    assert np.shares_memory(layer.parameters[0].gradient.values, dy)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Embedding(0, 4), ValueError, "input_dim: expected at least 1, got 0"),
        (lambda: Embedding(7, "4"), TypeError, "output_dim: expected an integer, got '4'"),
        (lambda: Embedding(7, 4, "unifrom"), ValueError, "embeddings_initializer: expected one of .*got 'unifrom'"),
        (lambda: Embedding(6, 4)(ids), ValueError, r"x: Embedding expected integers in 0\.\.5, got 6"),
        (lambda: Embedding(7, 4)(ids - 1), ValueError, r"x: Embedding expected integers in 0\.\.6, got -1"),
        (lambda: Embedding(7, 4)(ids / 1), TypeError, "x: Embedding expected integers, got dtype float64"),
        (lambda: Embedding(7, 4)(ids > 1), TypeError, "x: Embedding expected integers, got dtype bool"),
        (lambda: Embedding(7, 4)(ids[0]), ValueError, r"x: Embedding expected \(batch, time\), got shape \(3,\)"),
        (lambda: Embedding(7, 4)(ids[:, :0]), ValueError, "x: expected at least 1 along every axis"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
