"""The table of device functions against the definitions; the simulator calls them as they are."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from numba import cuda

from rnnfast.backends.numba_kernels.pointwise import pointwise, table
from rnnfast.backends.numba_launch import configured
from rnnfast.pointwise import ACTIVATIONS, Activation

PARAMETERS = [
    Activation("leaky_relu", alpha=0.3),
    Activation("thresholded_relu", alpha=0.2),
    Activation("elu", alpha=0.4),
    Activation("selu", alpha=0.6, beta=0.8),
    Activation("softplus", beta=2.5),
    Activation("hard_tanh", alpha=-0.2, beta=0.7),
    Activation("hard_sigmoid", alpha=-0.3, beta=0.4),
    Activation("scaled_tanh", alpha=-1.2, beta=0.6),
    Activation("affine", alpha=-0.6, beta=0.3),
]


def applied(function, values: np.ndarray) -> np.ndarray:
    """A device function of every value, by a kernel."""

    @cuda.jit
    def apply(values, out):
        i = cuda.grid(1)
        if i < out.size:
            out[i] = function(values[i])

    out = cuda.to_device(np.zeros_like(values))
    configured(apply, (1,), (values.size,))(cuda.to_device(values), out)
    return out.copy_to_host()


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("clip", [None, 0.8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [*(Activation(name) for name in ACTIVATIONS), *PARAMETERS], ids=str)
def test_values_and_derivatives(activation: Activation, dtype: str, clip: float | None, numba: ModuleType) -> None:
    functions = pointwise(activation.name, dtype, activation.alpha, activation.beta, clip)
    a = np.concatenate([np.linspace(-3, 3, 20), [0.0, -90.0, 90.0]]).astype(dtype)
    wide = a.astype(np.float64)
    near = wide if clip is None else np.clip(wide, -clip, clip)
    y = applied(functions.f, a)
    activation = activation.rounded_to(dtype)
    tolerance = {"float32": 1e-6, "float64": 1e-15}[dtype]
    np.testing.assert_allclose(y, activation.f(near), rtol=4 * tolerance, atol=4 * tolerance)
    right = activation.df(y.astype(np.float64))
    if clip is not None:
        right[np.abs(wide) > clip] = 0
        right[np.isin(y, applied(functions.f, np.array([-clip, clip], dtype)))] = 0
    np.testing.assert_allclose(applied(functions.df, y), right, rtol=8 * tolerance, atol=8 * tolerance)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy's scalars in the simulator
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "softsign", "hard_tanh", "elu", "softplus"])
def test_nan_and_infinity_come_out(activation: str, numba: ModuleType) -> None:
    function = Activation(activation)
    a = np.array([np.nan, np.inf, -np.inf])
    y = applied(pointwise(function.name, "float64", function.alpha, function.beta, None).f, a)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(y, function.f(a))


def test_the_table_has_every_activation() -> None:
    assert list(table(np.float32, 1, 1)) == list(ACTIVATIONS)
