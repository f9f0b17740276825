"""What every layer is: it builds its weights on first use, maps a batch forward, and a gradient back."""

from __future__ import annotations

import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnfast import regularizers
from rnnfast.arguments import check_seed
from rnnfast.backends import REGISTRY, memory_of
from rnnfast.configuration import Configurable
from rnnfast.constraints import Constraint
from rnnfast.home import HOST, ModelHome
from rnnfast.initializers import Initializer
from rnnfast.layers.weight_options import WeightOptions
from rnnfast.parameters import Parameter
from rnnfast.problem import DTYPES, check_option, check_size
from rnnfast.random_masks import MaskGenerator
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed

Shape = tuple[int | None, ...]
"""A shape whose unknown sizes are None."""


class Layer(Configurable, ABC):
    """A part of a model.

    Public arrays are batch-major: (B, F) or (B, T, F). `layer(x)` checks and builds; `forward` and `backward` are
    what a model calls, on arrays that are already checked, and `backward` follows a `forward` in training.

    Args:
        name: a name that no other layer of the model has; by default the kind of layer, numbered by the model.
        dtype: "float32" or "float64"; by default the model's, or float32.
        seed: of the initial weights and the dropout masks; by default drawn from the model's seed.
        input_shape: shape of one input without the batch, for the first layer of a model: it can then be built
            before it sees data.
        activity_regularizer: name or object; a model adds its penalty of the layer's output, divided by the batch,
            to the loss.

    Attributes:
        home: where weights and activations lie: by the backend of the model, from `build` on; on the CPU without one.
        takes_integers: whether x are integers, which no layer returns.
        stateful: whether the layer keeps a state of each sequence from one batch to the next.
        wants_dx: whether `backward` is to return the gradient of x; in training a model sets it to whether a layer
            before this one has weights.
        supports_masking: whether the layer has a mask for what comes after it; see `compute_mask`.

    Raises:
        ValueError, TypeError: an option that is not known or not in its range.
    """

    takes_integers = False
    stateful = False
    supports_masking = False

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
        activity_regularizer: str | Regularizer | None = None,
    ) -> None:
        self.activity_regularizer = regularizers.get("activity_regularizer", activity_regularizer)
        if dtype is not None:
            check_option("dtype", dtype, DTYPES)
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"name: expected a non-empty string without '/', got {name!r}")
        self.name = name or default_name(type(self))
        self.named = name is not None
        self.trainable = self.wants_dx = True
        self.built_for: Shape | None = None
        self.parameters: list[Parameter] = []
        self.input_shape = None if input_shape is None else tuple(input_shape)
        for size in self.input_shape or ():
            if size is not None:
                check_size("input_shape", size)
        self.home: ModelHome = HOST
        self._placed_by = "auto"
        self._dtype = dtype
        self.seed = None if seed is None else check_seed(seed)

    @property
    def dtype(self) -> str:
        """The dtype of weights and outputs."""
        return self._dtype or "float32"

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return self.built_for is not None

    def arguments(self) -> dict[str, Any]:
        """The arguments that make an equal layer; the weights are not among them."""
        return {**super().arguments(), "dtype": self._dtype}

    def join(self, *, name: str, dtype: str, seed: np.random.SeedSequence, backend: str) -> None:
        """Takes from a model what was left open here, and where it lies.

        Raises:
            ValueError: a dtype was fixed and is another; the layer has weights that lie elsewhere.
        """
        if (self._dtype or (self.built and self.dtype) or dtype) != dtype:
            raise ValueError(f"dtype: expected the model's {dtype} in layer {self.name!r}, got {self.dtype}")
        if self.built and memory_of(backend) != memory_of(self._placed_by):
            raise ValueError(
                f"backend: expected {self.name!r} without weights in a model on the {memory_of(backend)}, got one that "
                f"was built on the {memory_of(self._placed_by)}"
            )
        self.name, self._dtype, self._placed_by = name, dtype, backend
        self.seed = seed if self.seed is None else self.seed

    def connect(self, layers: Sequence[Layer]) -> None:
        """Finds the layers that this one shares weights with, among those that stand before it in a model.

        Raises:
            ValueError: there is none of the kind.
        """

    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of that shape, batch included; once.

        Raises:
            ValueError: a shape that the layer cannot take. RuntimeError: the model's backend cannot run here.
        """
        if self.built:
            return
        self.check_input_shape(input_shape)
        self.home = REGISTRY.get(self._placed_by, REGISTRY["cpu"]).model_home()
        # Two streams, so that what is drawn for the weights does not move the masks.
        of_weights, of_masks = check_seed(self.seed).spawn(2)
        self._weight_rng, self.masks = np.random.default_rng(of_weights), MaskGenerator(of_masks, self.home)
        self.make_weights(input_shape)
        self.built_for = input_shape

    @abstractmethod
    def check_input_shape(self, shape: Shape) -> None:
        """ValueError if the layer cannot take inputs of that shape, batch included."""

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of what `forward` returns, for inputs of that shape; sizes may be None."""

    def make_weights(self, input_shape: Shape) -> None:
        """Adds the layer's parameters, if it has any."""

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        """Which steps of the layer's output for x are valid, (B, T) of bool; None for all.

        A layer hands on the mask that it was given. One that does not support masking loses it, with a warning.

        Args:
            x: what `forward` takes.
            mask: that of x.
        """
        if mask is not None and not self.supports_masking:
            warnings.warn(f"layer {self.name!r} does not support masking: what follows sees no mask", stacklevel=2)
            return None
        return mask

    @abstractmethod
    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        """The output; with `training` dropout is drawn and what `backward` needs is kept.

        `mask` says which steps of x are valid, (B, T) of bool; None for all.
        """

    @abstractmethod
    def backward(self, dy: Array) -> Array | None:
        """Sets each parameter's gradient and returns that of x, for the last `forward`.

        None if there is none, and where nobody wants it (`wants_dx`) it may be left out.
        """

    def check_batch(self, batch: int) -> None:
        """ValueError if a stateful layer keeps the states of another number of sequences."""

    def reset_states(self) -> None:
        """Forgets what a stateful layer keeps between batches."""

    def get_states(self) -> list[Array]:
        """Copies on the CPU of what a stateful layer keeps between batches; empty after `reset_states`."""
        return []

    def set_states(self, states: Sequence[Array]) -> None:
        """Takes what `get_states` returned."""

    def generators(self) -> list[MaskGenerator]:
        """What a layer that is built draws its masks from."""
        return [self.masks]

    def check_input(self, x: object) -> Array:
        """x as an array that `forward` takes.

        Raises:
            ValueError: another shape or range. TypeError: no real numbers.
        """
        array = np.asarray(x)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"x: expected real numbers, got dtype {array.dtype}")
        self.check_input_shape(array.shape)
        self._check_not_empty(array)
        return np.asarray(array, self.dtype)

    def __call__(self, x: object, *, training: bool = False, mask: object = None) -> Any:
        """The layer's output for a batch x; builds the layer on the first call.

        Args:
            x: what the layer takes.
            training: draw dropout, and keep what `backward` needs.
            mask: which steps of x are valid, (B, T) of bool; None for all.
        """
        array = self.check_input(x)
        valid = check_mask(mask, array.shape)
        self.build((None, *array.shape[1:]))
        return self.forward(self.home.upload(array), training, None if valid is None else self.home.upload(valid))

    def get_weights(self) -> list[Array]:
        """Copies of the weights, in Keras's order and shapes."""
        return [parameter.read() for parameter in self.parameters]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Takes weights in Keras's order and shapes.

        Raises:
            ValueError, TypeError: another number of arrays, or one of another shape or kind; nothing is changed.
        """
        self.write_weights(self.check_weights(weights))

    def check_weights(self, weights: Sequence[object]) -> list[Array]:
        """The weights as arrays that `write_weights` takes; raises as `set_weights` does."""
        if not self.built:
            raise ValueError(f"weights: layer {self.name!r} has none before it is built; call it or build it first")
        if len(weights) != len(self.parameters):
            raise ValueError(f"weights: expected {len(self.parameters)} for {self.name!r}, got {len(weights)}")
        return [
            parameter.check(f"{self.name}/{parameter.name}", value)
            for parameter, value in zip(self.parameters, weights, strict=True)
        ]

    def write_weights(self, weights: Sequence[Array]) -> None:
        """Takes weights that are checked."""
        for parameter, value in zip(self.parameters, weights, strict=True):
            parameter.write(value)

    def count_params(self) -> int:
        """The number of weights, each element counted."""
        return sum(parameter.value.size for parameter in self.parameters)

    def weight_options(
        self,
        weight: str,
        initializer: str | Initializer,
        regularizer: str | Regularizer | None,
        constraint: str | Constraint | None,
    ) -> WeightOptions:
        """For `add_weight`, from the arguments `<weight>_initializer`, ..., which become attributes of these names.

        Raises:
            ValueError: a name that is not known. TypeError: neither a name nor an object of the kind.
        """
        options = WeightOptions.of(weight, initializer, regularizer, constraint)
        for kind, value in options._asdict().items():
            setattr(self, f"{weight}_{kind}", value)
        return options

    def add_weight(
        self,
        name: str,
        shape: tuple[int, ...],
        options: WeightOptions,
        *,
        transposed: bool = False,
        sparse: bool = False,
    ) -> Parameter:
        """A new parameter of Keras's shape, drawn from the layer's own stream."""
        value = options.initializer(shape, self.dtype, self._weight_rng)
        parameter = Parameter(
            name,
            value,
            transposed=transposed,
            sparse=sparse,
            regularizer=options.regularizer,
            constraint=options.constraint,
            home=self.home,
        )
        self.parameters.append(parameter)
        return parameter

    def _check_not_empty(self, array: Array) -> None:
        if 0 in array.shape:
            raise ValueError(f"x: expected at least 1 along every axis, got shape {array.shape}")

    def _check_features(self, shape: Shape, ranks: tuple[int, ...], axes: str) -> None:
        """ValueError unless a shape has one of these ranks and the last size that the layer was built for."""
        features = None if self.built_for is None else self.built_for[-1]
        if len(shape) not in ranks or shape[-1] is None or features not in (None, shape[-1]):
            expected = axes if features is None else f"{axes} with {features} features"
            raise ValueError(f"x: {type(self).__name__} expected {expected}, got shape {shape}")


def check_mask(mask: object, shape: tuple[int, ...]) -> Array | None:
    """The argument `mask` for inputs of that shape.

    Raises:
        ValueError: inputs without steps, or another shape than their batch and steps. TypeError: not of bool.
    """
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(f"mask: expected dtype bool, got {array.dtype}")
    if len(shape) < 3 or array.shape != shape[:2]:
        expected = f"shape (batch, time) = {shape[:2]}" if len(shape) > 2 else f"None for x of shape {shape}"
        raise ValueError(f"mask: expected {expected}, got shape {array.shape}")
    return array


def default_name(kind: type) -> str:
    """SimpleRNN -> simple_rnn, as Keras has it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()
