"""A Dense layer whose kernel is the table of the Embedding that its model begins with."""

from __future__ import annotations

from collections.abc import Sequence

from rnnfast.constraints import Constraint
from rnnfast.initializers import Initializer
from rnnfast.layers.base import Layer, Shape
from rnnfast.layers.dense import Dense
from rnnfast.layers.embedding import Embedding
from rnnfast.pointwise import Activation
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed


class TiedDense(Dense):
    """y = f(x E^T + bias), where E (V, F) is the table of the Embedding at the start of the same Sequential.

    Input and output words share their vectors (Press and Wolf, 2017; Inan, Khosravi and Socher, 2017). The gradient of
    E is the sum of both uses, and E is updated as a whole. x is (B, F) or (B, T, F), y (B, V) or (B, T, V).

    Weights: bias (V,); E belongs to the Embedding, whose regularizer and constraint are those of E.

    Args:
        activation, use_bias, bias_initializer, bias_regularizer, activity_regularizer, bias_constraint: see Dense.
        name, dtype, seed: see Layer.

    Raises:
        ValueError: on adding it to a model that does not begin with an Embedding; where F is not its output_dim.
    """

    def __init__(
        self,
        activation: str | Activation | None = None,
        use_bias: bool = True,
        bias_initializer: str | Initializer = "zeros",
        *,
        bias_regularizer: str | Regularizer | None = None,
        activity_regularizer: str | Regularizer | None = None,
        bias_constraint: str | Constraint | None = None,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
    ) -> None:
        super().__init__(
            1,
            activation,
            use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            name=name,
            dtype=dtype,
            seed=seed,
        )
        self._embedding: Embedding | None = None

    def connect(self, layers: Sequence[Layer]) -> None:
        if not layers or not isinstance(layers[0], Embedding):
            raise ValueError(f"layer: TiedDense expected a model that begins with an Embedding, got {[*layers[:1]]}")
        if any(isinstance(layer, TiedDense) for layer in layers):
            raise ValueError("layer: expected one TiedDense in a model, got a second")
        self._embedding = layers[0]
        self.units = self._embedding.input_dim

    def check_input_shape(self, shape: Shape) -> None:
        super().check_input_shape(shape)
        embedding = self._connected()
        if shape[-1] != embedding.output_dim:
            raise ValueError(
                f"x: TiedDense expected {embedding.output_dim} features, as {embedding.name!r} has them, got {shape}"
            )

    def make_weights(self, input_shape: Shape) -> None:
        self._table = self._connected().table
        self._table.shared = True
        self._bias = self.add_weight("bias", (self.units,), self._bias_options) if self.use_bias else None

    @property
    def kernel(self) -> Array:
        return self._table.value.T

    def set_kernel_gradient(self, rows: Array, da: Array) -> None:
        self._table.gradient = da.T @ rows

    def _connected(self) -> Embedding:
        if self._embedding is None:
            raise ValueError("layer: TiedDense expected to be in a Sequential behind an Embedding, got a call outside")
        return self._embedding
