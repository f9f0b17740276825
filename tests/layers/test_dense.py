import numpy as np
import pytest

from rnnfast.layers import Dense

x = np.random.default_rng(0).standard_normal((3, 4))


@pytest.mark.parametrize("activation", [None, "linear", "relu", "sigmoid", "softmax", "tanh"])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 3)])
def test_output_and_gradients(activation, use_bias, shape, numeric_gradient):
    rng = np.random.default_rng(0)
    layer = Dense(4, activation, use_bias, bias_initializer="normal", dtype="float64", seed=1)
    x, weight = rng.standard_normal(shape), rng.standard_normal((*shape[:-1], 4))
    y = layer(x, training=True)
    kernel, *bias = layer.get_weights()
    assert kernel.shape == (3, 4)
    a = x @ kernel + sum(bias)
    f = {
        "relu": np.maximum(a, 0),
        "sigmoid": 1 / (1 + np.exp(-a)),
        "softmax": np.exp(a) / np.exp(a).sum(axis=-1, keepdims=True),
        "tanh": np.tanh(a),
    }
    np.testing.assert_allclose(y, f.get(activation, a), rtol=1e-12)
    dx = layer.backward(weight)

    def loss():
        return float((layer.forward(x, training=True) * weight).sum())

    np.testing.assert_allclose(dx, numeric_gradient(loss, x), atol=1e-8)
    for parameter in layer.parameters:
        np.testing.assert_allclose(parameter.gradient, numeric_gradient(loss, parameter.value), atol=1e-8)


def test_every_step_is_one_product_without_a_copy():
    layer = Dense(4, dtype="float64", seed=0)
    memory = np.random.default_rng(0).standard_normal((5, 2, 3))
    y = layer(memory.transpose(1, 0, 2), training=True)
    assert np.shares_memory(layer._rows, memory)
    assert y.transpose(1, 0, 2).flags.c_contiguous
    dx = layer.backward(y)
    assert dx.transpose(1, 0, 2).flags.c_contiguous


def test_logits_are_what_the_activation_gets():
    layer = Dense(2, "sigmoid", dtype="float64", seed=0)
    y = layer(x)
    np.testing.assert_allclose(1 / (1 + np.exp(-layer.affine(x, False))), y, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dense(-1), ValueError, "units: expected at least 1, got -1"),
        (lambda: Dense(1, "gelu"), ValueError, "activation: expected one of .*softmax.*got 'gelu'"),
        (lambda: Dense(1, use_bias=0), TypeError, "use_bias: expected a bool, got 0"),
        (lambda: Dense(1)(x[0]), ValueError, r"x: Dense expected \(batch, features\) or .*got shape \(4,\)"),
        (lambda: Dense(1)(x[:, :0]), ValueError, "x: expected at least 1 along every axis"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
