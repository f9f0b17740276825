import numpy as np
import pytest
from scipy import stats

from rnnfast import initializers
from rnnfast.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    PerHead,
    RandomNormal,
    RandomUniform,
    TorchRNNUniform,
    TruncatedNormal,
    VarianceScaling,
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


def normal(stddev):
    return stats.norm(0, stddev)


def truncated(stddev):
    """Of that standard deviation after the cut at two of those before."""
    return stats.truncnorm(-2, 2, scale=stddev / stats.truncnorm(-2, 2).std())


def uniform(limit):
    return stats.uniform(-limit, 2 * limit)


@pytest.mark.parametrize(
    ("initializer", "distribution"),
    [
        (RandomNormal(stddev=0.3), normal(0.3)),
        (RandomUniform(-0.3, 0.3), uniform(0.3)),
        (TruncatedNormal(stddev=0.3), stats.truncnorm(-2, 2, scale=0.3)),
        (GlorotNormal(), truncated(np.sqrt(2 / 70))),
        (GlorotUniform(), uniform(np.sqrt(6 / 70))),
        (HeNormal(), truncated(np.sqrt(2 / 50))),
        (HeUniform(), uniform(np.sqrt(6 / 50))),
        (LecunNormal(), truncated(np.sqrt(1 / 50))),
        (LecunUniform(), uniform(np.sqrt(3 / 50))),
        (VarianceScaling(0.5, "fan_out", "untruncated_normal"), normal(np.sqrt(0.5 / 20))),
        (VarianceScaling(0.5, "fan_avg", "truncated_normal"), truncated(np.sqrt(0.5 / 35))),
        (VarianceScaling(3.0, "fan_out", "uniform"), uniform(np.sqrt(9 / 20))),
        (TorchRNNUniform(), uniform(1 / np.sqrt(20))),
    ],
)
def test_a_kernel_of_50_inputs_and_20_units_is_distributed_so(initializer, distribution):
    """Kolmogorov and Smirnov's test, over 20 kernels."""
    draws = np.concatenate([draw(initializer, (50, 20), seed=seed).reshape(-1) for seed in range(20)])
    assert stats.kstest(draws, distribution.cdf).pvalue > 1e-3
    assert stats.kstest(1.05 * draws, distribution.cdf).pvalue < 1e-3


def test_weights_of_torch():
    """Every weight of nn.RNN(7, 16) is from one distribution; so are ours of those shapes."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(0)
    theirs = np.concatenate(
        [p.detach().numpy().reshape(-1) for _ in range(20) for p in torch.nn.RNN(7, 16).parameters()]
    )
    shapes = [(7, 16), (16, 16), (16,), (16,)]
    ours = np.concatenate([draw(TorchRNNUniform(), s, seed=n).reshape(-1) for n in range(20) for s in shapes])
    assert np.abs(ours).max() <= 0.25
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform])
def test_variances_are_those_of_keras(kind, keras):
    theirs = np.asarray(getattr(keras.initializers, kind.__name__)(seed=0)((300, 100)))
    assert stats.ks_2samp(draw(kind(), (300, 100)).reshape(-1), theirs.reshape(-1)).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape):
    q = draw(Orthogonal(gain=2.0), shape)
    gram = q @ q.T if shape[0] <= shape[1] else q.T @ q
    np.testing.assert_allclose(gram, 4 * np.eye(min(shape)), atol=1e-12)


def test_orthogonal_is_not_biased_by_the_signs_of_qr():
    # LAPACK's Q has a negative diagonal nearly always; the corrected one has either sign
    corners = [draw(Orthogonal(), (3, 3), seed=seed)[0, 0] for seed in range(200)]
    assert 60 < np.count_nonzero(np.array(corners) > 0) < 140


def test_of_heads_each_matrix_is_drawn_alone():
    generator = np.random.default_rng(0)
    alone = [Orthogonal()((4, 4), "float64", generator) for _ in range(3)]
    np.testing.assert_array_equal(draw(PerHead(Orthogonal()), (3, 4, 4)), alone)
    signs = draw(PerHead(Orthogonal()), (200,))
    np.testing.assert_array_equal(np.abs(signs), 1)
    assert 60 < np.count_nonzero(signs > 0) < 140


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
        (lambda: VarianceScaling(0), ValueError, "scale: expected above 0, got 0"),
        (lambda: VarianceScaling(-1), ValueError, "scale: expected .*got -1"),
        (lambda: VarianceScaling(1, "fan"), ValueError, "mode: expected one of fan_in, fan_out, fan_avg, got 'fan'"),
        (lambda: VarianceScaling(distribution="normal"), ValueError, "distribution: expected .*got 'normal'"),
        (lambda: Constant(np.inf), ValueError, "value: expected a finite number, got inf"),
        (lambda: Identity(gain=True), TypeError, "gain: expected a number, got True"),
        (lambda: draw(Orthogonal(), (3,)), ValueError, r"shape: expected two axes for Orthogonal, got \(3,\)"),
        (lambda: draw(Identity(), (3, 3, 3)), ValueError, "shape: expected two axes for Identity"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
