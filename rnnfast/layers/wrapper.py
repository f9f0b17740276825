"""What layers made of other layers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from rnnfast.layers.base import Layer, Shape
from rnnfast.random_masks import MaskGenerator
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed

Inner = TypeVar("Inner", bound=Layer)


class Wrapper(Layer):
    """A layer made of others: their weights are its own, as "<inner layer>/<weight>", and their states and masks.

    A layer that is given is a pattern: a new one is made with its arguments. What is no argument (weights that it has
    already, `trainable`) is not taken over, and what another model does with it has no effect here.

    Args:
        patterns: the layers that are given, of one dtype.
        activity_regularizer: of the output of the whole; the inner layers have none.
        name, dtype, seed, input_shape: see Layer; by default those of the first layer, but for the name.

    Raises:
        TypeError: a pattern that is no Layer.
        ValueError: layers of different dtypes; one with an activity_regularizer.
    """

    def __init__(
        self,
        patterns: dict[str, Layer],
        *,
        name: str | None,
        dtype: str | None,
        seed: Seed,
        input_shape: Sequence[int | None] | None,
        activity_regularizer: str | Regularizer | None,
    ) -> None:
        given: dict[str, str | None] = {
            argument: check_layer(argument, layer).arguments()["dtype"] for argument, layer in patterns.items()
        }
        dtype = dtype or next((one for one in given.values() if one is not None), None)
        first = next(iter(patterns.values()))
        super().__init__(
            name=name,
            dtype=dtype,
            seed=first.seed if seed is None else seed,
            input_shape=input_shape,
            activity_regularizer=activity_regularizer,
        )
        for argument, layer in patterns.items():
            if given[argument] not in (None, dtype):
                raise ValueError(f"dtype: expected {dtype} in {argument} too, got {given[argument]}")
            if layer.activity_regularizer is not None:
                raise ValueError(
                    f"activity_regularizer: expected None in {argument}, for {type(self).__name__} takes it itself; "
                    f"got {type(layer.activity_regularizer).__name__}"
                )
        self.inner: list[Layer] = []

    def add_inner(self, pattern: Inner, **changes: Any) -> Inner:
        """A new inner layer with the arguments of `pattern`, but for these."""
        arguments = {**pattern.arguments(), "name": pattern.name, "dtype": self._dtype, "seed": None, **changes}
        layer = type(pattern)(**arguments)
        self.inner.append(layer)
        return layer

    def join(self, *, name: str, dtype: str, seed: np.random.SeedSequence, backend: str) -> None:
        for layer in self.inner:
            layer.join(name=layer.name, dtype=dtype, seed=seed, backend=backend)
        super().join(name=name, dtype=dtype, seed=seed, backend=backend)

    def inner_shape(self, shape: Shape) -> Shape:
        """The shape that the inner layers see, for inputs of that shape."""
        return shape

    def check_input_shape(self, shape: Shape) -> None:
        for layer in self.inner:
            layer.check_input_shape(self.inner_shape(shape))

    def make_weights(self, input_shape: Shape) -> None:
        # One seed for each, whatever they have: no two inner layers begin with the same weights or draw the same masks.
        seeds = self._weight_rng.bit_generator.seed_seq.spawn(len(self.inner))  # type: ignore[attr-defined]
        for layer, seed in zip(self.inner, seeds, strict=True):
            layer.seed = seed
            layer.build(self.inner_shape(input_shape))
            for parameter in layer.parameters:
                parameter.name = f"{layer.name}/{parameter.name}"
            self.parameters += layer.parameters

    def reset_states(self) -> None:
        for layer in self.inner:
            layer.reset_states()

    def get_states(self) -> list[Array]:
        return [state for layer in self.inner for state in layer.get_states()]

    def set_states(self, states: Sequence[Array]) -> None:
        each = len(states) // len(self.inner)
        for number, layer in enumerate(self.inner):
            layer.set_states(states[number * each : (number + 1) * each])

    def generators(self) -> list[MaskGenerator]:
        return [generator for layer in self.inner for generator in layer.generators()]


def check_layer(argument: str, value: object, kind: type[Inner] = Layer) -> Inner:  # type: ignore[assignment]
    """`value`, which must be a layer of that kind; TypeError otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"{argument}: expected a {kind.__name__}, got {value!r}")
    return value
