"""A recurrent layer in both directions of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnfast.layers.base import Shape, check_mask
from rnnfast.layers.simple_rnn import SimpleRNN
from rnnfast.layers.wrapper import Wrapper, check_layer
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed


class _Merge(NamedTuple):
    """How two outputs a and b, (..., H), become one, y, and what dy says of them."""

    forward: Callable[[Array, Array], Any]
    backward: Callable[[Any, Array, Array], Sequence[Array]]


MERGES = {
    "concat": _Merge(
        lambda a, b: np.concatenate((a, b), axis=-1),
        lambda dy, a, b: (dy[..., : a.shape[-1]], dy[..., a.shape[-1] :]),
    ),
    "sum": _Merge(lambda a, b: a + b, lambda dy, a, b: (dy, dy)),
    "mul": _Merge(lambda a, b: a * b, lambda dy, a, b: (dy * b, dy * a)),
    "ave": _Merge(lambda a, b: (a + b) / 2, lambda dy, a, b: (dy / 2, dy / 2)),
    None: _Merge(lambda a, b: [a, b], lambda dy, a, b: dy),
}
_COMMON = ("stateful", "return_sequences", "return_state")


class Bidirectional(Wrapper):
    """A SimpleRNN over x (B, T, I) from the first step to the last, another from the last to the first, and a merge.

    Both directions have the mask. With return_sequences the outputs of masked steps are 0, as in Keras, whatever
    zero_output_for_mask the layers have; without, it counts as False.

    The outputs of the backward layer are put back into the order of time; without return_sequences its output is the
    state after the first step. y is (B, T, units) or (B, units), twice as wide where outputs are concatenated.

    Weights: those of the forward layer, then those of the backward layer, "forward_<name>/kernel", ...; each layer
    begins with weights of its own.

    Args:
        layer: a pattern for the forward layer, see Wrapper, and without backward_layer for the backward one too.
        merge_mode: "concat", "sum", "mul", "ave", or None for [forward output, backward output], which only a direct
            call can return: not in a Sequential.
        backward_layer: a pattern for the backward layer, with the other go_backwards; stateful, return_sequences and
            return_state are those of `layer`, and so is units, unless outputs are concatenated or not merged.
        activity_regularizer: name or object of `rnnfast.regularizers`, of the merged output.
        name: see Layer.
        dtype, seed, input_shape: see Layer; by default those of `layer`.

    Attributes:
        forward_layer, backward_layer: the two layers at work.

    Raises:
        TypeError: a layer that is no SimpleRNN.
        ValueError: a merge_mode that is not known; layers that do not fit together.
    """

    supports_masking = True

    def __init__(
        self,
        layer: SimpleRNN,
        merge_mode: str | None = "concat",
        backward_layer: SimpleRNN | None = None,
        *,
        activity_regularizer: str | Regularizer | None = None,
        name: str | None = None,
        dtype: str | None = None,
        seed: Seed = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        check_layer("layer", layer, SimpleRNN)
        other = layer if backward_layer is None else check_layer("backward_layer", backward_layer, SimpleRNN)
        if merge_mode not in tuple(MERGES):
            raise ValueError(f"merge_mode: expected one of {', '.join(map(str, MERGES))}, got {merge_mode!r}")
        backwards = True if backward_layer is None else other.go_backwards
        if backwards == layer.go_backwards:
            raise ValueError(
                f"go_backwards: expected {not layer.go_backwards} in backward_layer, the other of that of layer, "
                f"got {backwards}"
            )
        common = _COMMON if merge_mode in (None, "concat") else (*_COMMON, "units")
        for option in common:
            if getattr(layer, option) != getattr(other, option):
                raise ValueError(
                    f"{option}: expected {getattr(layer, option)} in backward_layer, as in layer, "
                    f"got {getattr(other, option)}"
                )
        super().__init__(
            {"layer": layer, "backward_layer": other},
            name=name,
            dtype=dtype,
            seed=seed,
            input_shape=layer.input_shape if input_shape is None else input_shape,
            activity_regularizer=activity_regularizer,
        )
        self.merge_mode = merge_mode
        self.stateful, self.return_sequences, self.return_state = (getattr(layer, option) for option in _COMMON)
        zero = {"zero_output_for_mask": self.return_sequences}
        names = _prefixed("forward_", layer.name), _prefixed("backward_", other.name)
        self.forward_layer = self.add_inner(layer, name=names[0], **zero)
        self.backward_layer = self.add_inner(other, name=names[1], go_backwards=backwards, **zero)

    @property
    def layer(self) -> SimpleRNN:
        """The forward layer, as a pattern for an equal wrapper."""
        return self.forward_layer

    def join(self, *, name: str, dtype: str, seed: np.random.SeedSequence, backend: str) -> None:
        if self.merge_mode is None:
            raise ValueError(
                f"merge_mode: expected one of concat, sum, mul, ave for {self.name!r} in a Sequential, whose layers "
                "have one output, got None"
            )
        super().join(name=name, dtype=dtype, seed=seed, backend=backend)

    def check_batch(self, batch: int) -> None:
        self.forward_layer.check_batch(batch)  # the other keeps as many

    def output_shape(self, input_shape: Shape) -> Shape:
        *rest, units = self.forward_layer.output_shape(input_shape)
        return (*rest, self.forward_layer.units + self.backward_layer.units if self.merge_mode == "concat" else units)

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        return mask if self.return_sequences else None

    def __call__(self, x: object, *, training: bool = False, mask: object = None, initial_state: object = None) -> Any:
        """The output for a batch x (B, T, I); a list [*outputs, *last states] where it is more than one array.

        Args:
            x: real numbers.
            training: draw dropout, and keep what `backward` needs.
            mask: (B, T) of bool, which steps are valid; None for all.
            initial_state: the first h of the forward and of the backward layer, a pair of (B, units).
        """
        array = self.check_input(x)
        self.check_batch(len(array))
        check_mask(mask, array.shape)
        initial = self._check_initial_state(initial_state, len(array))
        self.build((None, *array.shape[1:]))
        outputs = [
            layer(array, training=training, mask=mask, initial_state=state)
            for layer, state in zip((self.forward_layer, self.backward_layer), initial, strict=True)
        ]
        if not self.return_state:
            return self._merge(outputs, training)
        (a, a_state), (b, b_state) = outputs
        y = self._merge([a, b], training)
        return [*(y if self.merge_mode is None else [y]), a_state, b_state]

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        y: Array = self._merge([layer.forward(x, training, mask) for layer in self.inner], training)
        return y

    def backward(self, dy: Array) -> Array | None:
        """As `Layer.backward`; with merge_mode None dy is the pair of gradients."""
        da, db = MERGES[self.merge_mode].backward(dy, *self._outputs)
        self.forward_layer.wants_dx = self.backward_layer.wants_dx = self.wants_dx
        one, other = self.forward_layer.backward(da), self.backward_layer.backward(self._in_time(db))
        return None if one is None or other is None else one + other

    def _merge(self, outputs: Sequence[Array], training: bool) -> Any:
        a, b = outputs[0], self._in_time(outputs[1])
        if training:
            self._outputs = a, b
        return MERGES[self.merge_mode].forward(a, b)

    def _in_time(self, y: Array) -> Array:
        """The steps of the backward layer in the order of time, or its gradient in the order of processing."""
        return y[:, ::-1] if self.return_sequences else y

    def _check_initial_state(self, initial_state: object, batch: int) -> list[Array | None]:
        if initial_state is None:
            return [None, None]
        if not isinstance(initial_state, list | tuple) or len(initial_state) != 2:
            raise ValueError(f"initial_state: expected a pair of arrays, one for each direction, got {initial_state!r}")
        states = [np.asarray(state) for state in initial_state]
        expected = [(batch, layer.units) for layer in (self.forward_layer, self.backward_layer)]
        if [state.shape for state in states] != expected:
            raise ValueError(f"initial_state: expected shapes {expected}, got {[state.shape for state in states]}")
        return [*states]


def _prefixed(prefix: str, name: str) -> str:
    """The name with the prefix, once."""
    return prefix + name.removeprefix(prefix)
