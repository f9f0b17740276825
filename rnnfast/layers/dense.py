"""A fully connected layer, on (B, F) or on every step of (B, T, F)."""

from __future__ import annotations

from collections.abc import Sequence

from rnnfast import activations
from rnnfast.arguments import check_flag
from rnnfast.constraints import Constraint
from rnnfast.initializers import Initializer
from rnnfast.layers.base import Layer, Shape
from rnnfast.layout import as_rows, from_rows
from rnnfast.pointwise import Activation
from rnnfast.problem import check_size
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed


class Dense(Layer):
    """y = f(x kernel + bias), over the last axis of x (B, F) or (B, T, F); y is (B, units) or (B, T, units).

    Weights: kernel (F, units), bias (units,).

    Args:
        units: length of the output.
        activation: "softmax", or a name or an Activation, see docs/semantics.md; None means linear.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: names or objects.
        kernel_regularizer, bias_regularizer, activity_regularizer: names or objects of `rnnfast.regularizers`.
        kernel_constraint, bias_constraint: names or objects of `rnnfast.constraints`.
        name, dtype, seed, input_shape: see Layer.
    """

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        bias_initializer: str | Initializer = "zeros",
        *,
        kernel_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
        activity_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | Constraint | None = None,
        bias_constraint: str | Constraint | None = None,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(
            name=name, dtype=dtype, seed=seed, input_shape=input_shape, activity_regularizer=activity_regularizer
        )
        check_size("units", units)
        self.units = int(units)
        self.activation = "linear" if activation is None else activation
        self.function = activations.get(activation)
        self.use_bias = check_flag("use_bias", use_bias)
        self._kernel_options = self.weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._bias_options = self.weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (2, 3), "(batch, features) or (batch, time, features)")

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def make_weights(self, input_shape: Shape) -> None:
        features = input_shape[-1]
        assert features is not None
        self._kernel = self.add_weight("kernel", (features, self.units), self._kernel_options)
        self._bias = self.add_weight("bias", (self.units,), self._bias_options) if self.use_bias else None

    @property
    def kernel(self) -> Array:
        """(F, units)."""
        return self._kernel.value

    def set_kernel_gradient(self, rows: Array, da: Array) -> None:
        """Sets the gradient of the kernel, from the layer's input (N, F) and the gradient of its logits (N, units)."""
        self._kernel.gradient = rows.T @ da

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        logits = as_rows(self.affine(x, training))
        y = self.function.forward(logits)
        if training:
            self._y = y
        return from_rows(y, x.shape)

    def backward(self, dy: Array) -> Array:
        return self._affine_backward(self.function.backward(self._y, as_rows(dy)))

    def affine(self, x: Array, training: bool) -> Array:
        """The pre-activations (logits), in the shape of the output."""
        rows = as_rows(x)
        a = rows @ self.kernel
        if self._bias is not None:
            a += self._bias.value
        if training:
            self._rows, self._x_shape = rows, x.shape
        return from_rows(a, x.shape)

    def affine_backward(self, da: Array) -> Array:
        """As `backward`, for the gradient of what `affine` returned."""
        return self._affine_backward(as_rows(da))

    def _affine_backward(self, da: Array) -> Array:
        self.set_kernel_gradient(self._rows, da)
        if self._bias is not None:
            self._bias.gradient = da.sum(axis=0)
        return from_rows(da @ self.kernel.T, self._x_shape)
