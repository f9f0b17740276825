import numpy as np
import pytest

from rnnfast.layers import Dropout


@pytest.mark.parametrize("shape", [(60, 50), (6, 10, 50)])
def test_inverted_and_independent_for_each_element(shape):
    layer = Dropout(0.25, seed=0)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    y = layer(x, training=True)
    assert y.dtype == np.float32
    kept = y != 0
    assert 0.22 < 1 - kept.mean() < 0.28
    np.testing.assert_allclose(y[kept], x[kept] / 0.75, rtol=1e-6)
    if len(shape) == 3:
        assert not (kept[:, 0] == kept[:, 1]).all()
        assert y.transpose(1, 0, 2).flags.c_contiguous
    dy = np.ones_like(x)
    np.testing.assert_array_equal(layer.backward(dy), np.where(kept, np.float32(1 / 0.75), 0))
    assert not (layer(x, training=True) == y).all()


def test_not_in_training_or_at_rate_0_it_is_the_identity():
    x = np.ones((3, 4), np.float32)
    assert Dropout(0.5)(x) is x
    layer = Dropout(0.0)
    np.testing.assert_array_equal(layer(x, training=True), x)
    np.testing.assert_array_equal(layer.backward(x), x)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_a_rate_out_of_range_is_named(rate):
    with pytest.raises(ValueError, match=f"rate: expected .*got {rate}"):
        Dropout(rate)


def test_a_rate_that_is_no_number_is_named():
    with pytest.raises(TypeError, match="rate: expected a number, got 'half'"):
        Dropout("half")
