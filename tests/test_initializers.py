import numpy as np
import pytest

from rnnfast import initializers
from rnnfast.initializers import (
    Constant,
    GlorotUniform,
    Identity,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    Zeros,
)


def draw(initializer, shape=(400, 300), dtype="float64", seed=0):
    return initializer(shape, dtype, np.random.default_rng(seed))


@pytest.mark.parametrize("name", list(initializers.KNOWN))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_every_name_fills_shape_and_dtype_reproducibly(name, dtype, shape):
    initializer = initializers.get("kernel_initializer", name)
    first, second = draw(initializer, shape, dtype), draw(initializer, shape, dtype)
    assert first.shape == shape
    assert first.dtype == dtype
    assert first.flags.c_contiguous
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("initializer", "mean", "stddev", "limit"),
    [
        (RandomNormal(), 0, 0.05, np.inf),
        (RandomNormal(mean=2, stddev=0.001), 2, 0.001, np.inf),
        (RandomUniform(), 0, 0.1 / np.sqrt(12), 0.05),
        (RandomUniform(minval=-1, maxval=1), 0, 2 / np.sqrt(12), 1),
        # variance of a standard normal cut at +-2: 1 - 4 phi(2) / (2 Phi(2) - 1)
        (TruncatedNormal(stddev=0.1), 0, 0.1 * 0.8796, 0.2),
        (GlorotUniform(), 0, np.sqrt(2 / 700), np.sqrt(6 / 700)),
    ],
)
def test_random_draws_have_their_distribution(initializer, mean, stddev, limit):
    draws = draw(initializer)
    standard_error = stddev / np.sqrt(draws.size)
    assert abs(draws.mean() - mean) < 5 * standard_error
    assert draws.std() == pytest.approx(stddev, rel=0.01)
    assert np.abs(draws - mean).max() <= limit
    if np.isfinite(limit):
        assert np.abs(draws - mean).max() > 0.99 * limit


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape):
    q = draw(Orthogonal(gain=2.0), shape)
    gram = q @ q.T if shape[0] <= shape[1] else q.T @ q
    np.testing.assert_allclose(gram, 4 * np.eye(min(shape)), atol=1e-12)


def test_orthogonal_is_not_biased_by_the_signs_of_qr():
    # LAPACK's Q has a negative diagonal nearly always; the corrected one has either sign
    corners = [draw(Orthogonal(), (3, 3), seed=seed)[0, 0] for seed in range(200)]
    assert 60 < np.count_nonzero(np.array(corners) > 0) < 140


def test_constant_ones():
    np.testing.assert_array_equal(draw(Zeros(), (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw(Ones(), (3,)), np.ones(3))
    np.testing.assert_array_equal(draw(Constant(0.1), (2,)), np.full(2, 0.1))
    np.testing.assert_array_equal(draw(Identity(gain=3.0), (2, 3)), [[3, 0, 0], [0, 3, 0]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: initializers.get("bias_initializer", "zeroes"), ValueError, "bias_initializer: .*zeros.*got 'zeroes'"),
        (lambda: initializers.get("bias_initializer", 0), TypeError, "bias_initializer: .*got 0"),
        (lambda: RandomNormal(stddev=-1), ValueError, "stddev: expected .*at least 0.*got -1"),
        (lambda: RandomNormal(stddev="1"), TypeError, "stddev: expected a number, got '1'"),
        (lambda: RandomUniform(minval=1, maxval=0), ValueError, "maxval: expected .*at least 1.*got 0"),
        (lambda: Constant(np.inf), ValueError, "value: expected a finite number, got inf"),
        (lambda: Identity(gain=True), TypeError, "gain: expected a number, got True"),
        (lambda: draw(Orthogonal(), (3,)), ValueError, r"shape: expected two axes for Orthogonal, got \(3,\)"),
        (lambda: draw(Identity(), (3, 3, 3)), ValueError, "shape: expected two axes for Identity"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
