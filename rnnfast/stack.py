"""Layers one after the other: shapes, names, weights, and the way forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from rnnfast import weights as weight_files
from rnnfast.arguments import check_seed
from rnnfast.backends import REGISTRY
from rnnfast.configuration import Configurable
from rnnfast.home import ModelHome, to_host
from rnnfast.layers import Layer
from rnnfast.layers.base import Shape
from rnnfast.problem import DTYPES, check_option
from rnnfast.profiler.spans import span
from rnnfast.summary import summary_lines
from rnnfast.typing import Array, Seed


class Stack(Configurable):
    """Layers one after the other, without what training needs; see `rnnfast.Sequential`."""

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        seed: Seed = None,
        backend: str = "auto",
        dtype: str = "float32",
        name: str = "sequential",
    ) -> None:
        check_option("backend", backend, ("auto", *REGISTRY))
        check_option("dtype", dtype, DTYPES)
        self.name, self.backend, self.dtype = name, backend, dtype
        self.layers: list[Layer] = []
        self.seed = check_seed(seed)
        self.shuffle_rng = np.random.default_rng(self.seed.spawn(1)[0])
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Puts a layer behind the last.

        Raises:
            ValueError: the layer is in this model already, or has the name of another, or cannot stand here.
            TypeError: no Layer.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"layer: expected a Layer, got {layer!r}")
        if layer in self.layers:
            raise ValueError(f"layer: expected one that is not in the model yet, got {layer.name!r} again")
        if self.layers and layer.takes_integers:
            kind = type(layer).__name__
            raise ValueError(f"layer: {kind} {layer.name!r} takes integers, and can only be the first of a model")
        layer.connect(self.layers)
        known = self._input_shape()
        if known is not None:
            layer.check_input_shape(self._output_shape(known))
        layer.join(name=self._free_name(layer), dtype=self.dtype, seed=self.seed.spawn(1)[0], backend=self.backend)
        self.layers.append(layer)

    @property
    def built(self) -> bool:
        """Whether every layer has its weights."""
        return bool(self.layers) and all(layer.built for layer in self.layers)

    @property
    def home(self) -> ModelHome:
        """Where the arrays of a model lie that is built: weights, activations, all of its training."""
        return self.layers[0].home

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Makes the weights, for inputs of that shape, batch included: (None, T, F), or (None, T) of integers.

        Raises:
            ValueError: no layers, no shape and none known, or a shape that a layer cannot take.
            RuntimeError: the backend cannot run here.
        """
        if not self.layers:
            raise ValueError("layers: expected at least one, got none")
        if self.built:
            return
        shape = self._input_shape() if input_shape is None else tuple(input_shape)
        if shape is None:
            raise ValueError("input_shape: expected a shape, for the first layer has none; got None")
        declared = self.layers[0].input_shape
        if declared is not None and not _agree(declared, shape[1:]):
            raise ValueError(f"x: {self.layers[0].name!r} expected input_shape {declared}, got {shape[1:]}")
        self._output_shape(shape)  # checks every layer, before the first gets weights
        for layer in self.layers:
            layer.build(shape)
            shape = layer.output_shape(shape)

    def reset_states(self) -> None:
        """Forgets what stateful layers keep between batches."""
        for layer in self.layers:
            layer.reset_states()

    def get_states(self) -> list[list[Array]]:
        """Copies of what the layers keep between batches, for `set_states`; a list for each layer."""
        return [layer.get_states() for layer in self.layers]

    def set_states(self, states: Sequence[Sequence[Array]]) -> None:
        """Takes what `get_states` returned."""
        for layer, kept in zip(self.layers, states, strict=True):
            layer.set_states(kept)

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Prints the layers, their output shapes and numbers of weights; builds the model where the shape is known."""
        if not self.built:
            self.build()
        for line in summary_lines(self.name, self.layers):
            print_fn(line)

    def count_params(self) -> int:
        """The number of weights, each element counted; builds the model where the shape is known."""
        if not self.built:
            self.build()
        return sum(layer.count_params() for layer in self.layers)

    def get_weights(self) -> list[Array]:
        """Copies of all weights, in Keras's order and shapes."""
        return [array for layer in self.layers for array in layer.get_weights()]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Takes all weights in Keras's order and shapes; builds the model where the shape is known.

        Raises:
            ValueError, TypeError: another number of arrays, or one of another shape or kind; nothing is changed.
        """
        if not self.built:
            self.build()
        counts = [len(layer.parameters) for layer in self.layers]
        if len(weights) != sum(counts):
            raise ValueError(f"weights: expected {sum(counts)} arrays, got {len(weights)}")
        ends = np.cumsum(counts)
        checked = [
            layer.check_weights(weights[end - count : end])
            for layer, count, end in zip(self.layers, counts, ends, strict=True)
        ]
        for layer, arrays in zip(self.layers, checked, strict=True):
            layer.write_weights(arrays)

    def save_weights(self, path: str | Path) -> None:
        """Writes the weights to a safetensors file, as "<layer>/<weight>", in Keras's shapes.

        Raises:
            ValueError: the model is not built. ImportError: no safetensors. OSError: see `rnnfast.weights.save`.
        """
        weight_files.save(path, self._named_weights())

    def load_weights(self, path: str | Path) -> None:
        """Reads what `save_weights` wrote; builds the model where the shape is known.

        Raises:
            ValueError: names, shapes or dtypes differ, or the file is none; the weights stay as they were.
            ImportError: no safetensors. OSError: the file cannot be read.
        """
        if not self.built:
            self.build()
        loaded = weight_files.load(path, self._named_weights())
        for layer in self.layers:
            layer.write_weights([loaded[f"{layer.name}/{parameter.name}"] for parameter in layer.parameters])

    def inputs(self, x: object) -> Array:
        """x as the first layer takes it, checked; builds the model. ValueError or TypeError if it does not fit."""
        if not self.layers:
            raise ValueError("layers: expected at least one, got none")
        array = self.layers[0].check_input(x)
        if not self.built:
            self.build((None, *array.shape[1:]))
        return array

    def check_stateful(self, samples: int, batch_size: int) -> None:
        """ValueError if a stateful layer cannot take these samples in batches of that size."""
        batch_size = min(batch_size, samples)
        for layer in self.layers:
            if layer.stateful:
                layer.check_batch(batch_size)
                if samples % batch_size:
                    raise ValueError(
                        f"batch_size: stateful {layer.name!r} expected one that divides the {samples} samples, "
                        f"got {batch_size}"
                    )

    def _forward(self, x: Array, layers: Sequence[Layer] | None = None) -> Array:
        """x through all layers, or through the given ones; both x and the output on the CPU."""
        mask, x = None, self.home.upload(x)
        for layer in self.layers if layers is None else layers:
            with span(layer.name, "forward"):
                x, mask = layer.forward(x, False, mask), layer.compute_mask(x, mask)
        return to_host(x)

    def _named_weights(self) -> dict[str, Array]:
        if not self.built:
            raise ValueError("the model has no weights before it is built: call build or fit first")
        return {f"{layer.name}/{p.name}": p.read() for layer in self.layers for p in layer.parameters}

    def _input_shape(self) -> Shape | None:
        """The shape that the first layer knows of itself, if there is one."""
        if not self.layers:
            return None
        first = self.layers[0]
        return first.built_for or (None if first.input_shape is None else (None, *first.input_shape))

    def _output_shape(self, shape: Shape) -> Shape:
        """The shape of the output for inputs of that shape; ValueError from the layer that cannot take it."""
        for layer in self.layers:
            layer.check_input_shape(shape)
            shape = layer.output_shape(shape)
        return shape

    def _free_name(self, layer: Layer) -> str:
        """The layer's name, numbered if it is a default that is taken."""
        taken = {other.name for other in self.layers}
        if layer.name not in taken:
            return layer.name
        if layer.named:
            raise ValueError(f"name: expected one that no other layer has, got {layer.name!r}")
        return next(name for number in range(1, len(taken) + 1) if (name := f"{layer.name}_{number}") not in taken)


def _agree(a: Shape, b: Shape) -> bool:
    """Whether two shapes can be of one array; sizes may be None."""
    return len(a) == len(b) and all(None in (one, other) or one == other for one, other in zip(a, b, strict=True))
