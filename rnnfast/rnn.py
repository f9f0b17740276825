"""Stacked and bidirectional plain recurrent networks with the meaning and the names of torch's `nn.RNN`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from rnnfast import checks, pointwise
from rnnfast.arguments import check_flag, check_number, check_seed
from rnnfast.backends import REGISTRY
from rnnfast.functional import rnn_backward, rnn_forward
from rnnfast.initializers import RandomUniform
from rnnfast.layout import batch_major, time_major
from rnnfast.parameters import Parameter
from rnnfast.pointwise import Activation
from rnnfast.problem import DTYPES, PRECISIONS, check_option, check_size
from rnnfast.random_masks import MaskGenerator
from rnnfast.reference import Gradients
from rnnfast.typing import Array, ArrayLike, Seed


class RNNGradients(NamedTuple):
    """What `RNN.backward` returns: dx and dh0 in the shapes of x and h0, and each parameter's gradient by its name."""

    dx: Array
    dh0: Array
    parameters: dict[str, Array]


class _Direction(NamedTuple):
    """The weights of one direction of one layer: w_ih (H, I), w_hh (H, H), none or two biases (H,)."""

    reverse: bool
    w_ih: Parameter
    w_hh: Parameter
    biases: tuple[Parameter, ...]

    def bias(self) -> Array:
        """The one bias that the kernels take, (H,)."""
        if not self.biases:
            return np.zeros(len(self.w_hh.value), self.w_hh.value.dtype)
        bias: Array = self.biases[0].value + self.biases[1].value
        return bias

    def take(self, gradients: Gradients) -> None:
        """Hands each parameter its gradient: d(b_ih + b_hh) is that of both biases."""
        self.w_ih.gradient, self.w_hh.gradient = gradients.dw_ih, gradients.dw_hh
        for bias in self.biases:
            bias.gradient = gradients.db.copy()


class _Layer(NamedTuple):
    """What one layer leaves for the backward pass: x (T, B, I) after dropout, and y (T, B, H) of each direction."""

    x: Array
    dropout_mask: Array | None
    outputs: list[Array]


class _Saved(NamedTuple):
    """What a call in training leaves for the backward pass; shapes are those that the caller saw."""

    layers: list[_Layer]
    h0: Array | None
    lengths: ArrayLike | None
    y_shape: tuple[int, ...]
    h_shape: tuple[int, ...]


class RNN:
    """num_layers recurrences h_t = f(x_t W_ih^T + b_ih + h_{t-1} W_hh^T + b_hh), each over the outputs of the last.

    Meaning, layouts and names are those of torch's `nn.RNN`; arrays are NumPy's. In the shapes T is seq_len, B batch,
    I input_size, H hidden_size, L num_layers, and D 2 if bidirectional, else 1.

    Parameters, for layer k = 0..L-1: weight_ih_l{k}, (H, I), or (H, D H) for k > 0; weight_hh_l{k}, (H, H);
    bias_ih_l{k} and bias_hh_l{k}, (H,); and the same with the suffix _reverse. All begin in U(-1/sqrt(H), 1/sqrt(H)).

    Args:
        input_size, hidden_size, num_layers: at least 1.
        nonlinearity: an activation by name, or `rnnfast.Activation(...)`: "tanh" and "relu" as in torch, and all others
            that the kernels have.
        bias: whether there are biases.
        batch_first: x and y are (B, T, ...) in place of (T, B, ...); the states are not.
        dropout: rate in 0..1, below 1, of dropout on the outputs of every layer but the last, in training.
        bidirectional: a second recurrence in each layer, from the last step to the first; outputs are concatenated.
        dtype: "float32" or "float64", of every array.
        seed: of the initial weights and the dropout masks.
        backend, precision: see `rnnfast.rnn_forward`.

    Attributes:
        parameters: the `Parameter`s in torch's order, whose gradients `backward` sets, as `rnnfast.optimizers` take
            them: `optimizer.build(rnn.parameters)` once, then `optimizer.step()` after each `backward`.

    Raises:
        ValueError, TypeError: an option that is not known or not in its range.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str | Activation = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: str = "float32",
        seed: Seed = None,
        backend: str = "auto",
        precision: str = "highest",
    ) -> None:
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            check_size(name, size)
        pointwise.get(nonlinearity, "nonlinearity")
        check_option("dtype", dtype, DTYPES)
        check_option("backend", backend, ("auto", *REGISTRY))
        check_option("precision", precision, PRECISIONS)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.nonlinearity = nonlinearity
        self.bias = check_flag("bias", bias)
        self.batch_first = check_flag("batch_first", batch_first)
        self.dropout = check_number("dropout", dropout, low=0, below=1)
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.dtype = dtype
        self._options: dict[str, Any] = {"activation": nonlinearity, "backend": backend, "precision": precision}
        of_weights, of_masks = check_seed(seed).spawn(2)
        weight_rng, self._masks = np.random.default_rng(of_weights), MaskGenerator(of_masks)
        self.parameters: list[Parameter] = []
        self._layers = [
            [self._make_direction(layer, reverse, weight_rng) for reverse in (False, True)[: self._directions]]
            for layer in range(num_layers)
        ]
        self._saved: _Saved | None = None

    def __call__(
        self, x: ArrayLike, h0: ArrayLike | None = None, lengths: ArrayLike | None = None, *, training: bool = False
    ) -> tuple[Array, Array]:
        """The outputs of the last layer, and the last states of all.

        Args:
            x: (T, B, I), (B, T, I) with batch_first, or unbatched (T, I).
            h0: initial states, (L D, B, H), unbatched (L D, H); zeros by default. Layer by layer, forwards first.
            lengths: valid steps of each sequence, (B,) integers in 0..T, in any order: what torch's
                `pack_padded_sequence` says. The way back begins at each sequence's own last step. A sequence of length
                0, which torch rejects, has outputs 0 and keeps its h0.
            training: draw dropout, and keep what `backward` needs; the arrays must not change before it.

        Returns:
            y: (T, B, D H), (B, T, D H) with batch_first, unbatched (T, D H); 0 past the length.
            h_n: the states after the last valid step, and after the first on the way back, in the shape of h0.

        Raises:
            ValueError: a wrong shape or length. TypeError: a wrong type or dtype.
        """
        steps, initial, h_shape = self._check_inputs(x, h0, lengths)
        layers, states, unbatched = [], [], len(h_shape) == 2
        for number, directions in enumerate(self._layers):
            drops = training and number > 0 and self.dropout > 0
            mask = self._masks.dropout(steps.shape, self.dropout, self.dtype) if drops else None
            steps = steps if mask is None else steps * mask
            first = number * self._directions
            outputs = [
                rnn_forward(
                    steps,
                    direction.w_ih.value,
                    direction.w_hh.value,
                    direction.bias(),
                    h0=None if initial is None else initial[first + index],
                    lengths=lengths,
                    reverse=direction.reverse,
                    **self._options,
                )
                for index, direction in enumerate(directions)
            ]
            each_y = [y for y, _ in outputs]
            if training:
                layers.append(_Layer(steps, mask, each_y))
            states += [h_n for _, h_n in outputs]
            steps = each_y[0] if len(each_y) == 1 else np.concatenate(each_y, axis=-1)
        y = self._public(steps, unbatched)
        if training:
            self._saved = _Saved(layers, initial, lengths, y.shape, h_shape)
        return y, np.stack(states).reshape(h_shape)

    def backward(self, dy: ArrayLike | None, dh_n: ArrayLike | None = None) -> RNNGradients:
        """Back-propagation through time for the last call in training; sets the gradient of every parameter.

        Args:
            dy: gradient with respect to y, in its shape; None means zero. What it holds past a length is never used.
            dh_n: gradient with respect to h_n, in its shape; None means zero.

        Returns:
            RNNGradients: dx, dh0, and `parameters`, the gradients by name; the two biases have the same.

        Raises:
            RuntimeError: there was no call in training. ValueError, TypeError: a wrong shape or dtype.
        """
        if self._saved is None:
            raise RuntimeError("backward: expected a call with training=True before it, got none")
        layers, initial, lengths, y_shape, h_shape = self._saved
        unbatched = len(h_shape) == 2
        d_last = self._states("dh_n", dh_n, h_shape)
        d_steps = None if dy is None else self._steps(checks.array_of("dy", dy, y_shape, self.dtype))
        d_initial: list[Array] = []
        for number, (directions, saved) in reversed([*enumerate(zip(self._layers, layers, strict=True))]):
            first = number * self._directions
            gradients = [
                rnn_backward(
                    None if d_steps is None else self._part(d_steps, index),
                    saved.x,
                    y,
                    direction.w_ih.value,
                    direction.w_hh.value,
                    h0=None if initial is None else initial[first + index],
                    dh_n=None if d_last is None else d_last[first + index],
                    lengths=lengths,
                    reverse=direction.reverse,
                    **self._options,
                )
                for index, (direction, y) in enumerate(zip(directions, saved.outputs, strict=True))
            ]
            for direction, each in zip(directions, gradients, strict=True):
                direction.take(each)
            d_initial[:0] = [each.dh0 for each in gradients]
            d_steps = gradients[0].dx
            for other in gradients[1:]:
                d_steps += other.dx
            if saved.dropout_mask is not None:
                d_steps *= saved.dropout_mask
        assert d_steps is not None
        by_name: dict[str, Any] = {parameter.name: parameter.gradient for parameter in self.parameters}
        return RNNGradients(self._public(d_steps, unbatched), np.stack(d_initial).reshape(h_shape), by_name)

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters by name, in torch's order: `{k: torch.from_numpy(v) ...}` is what torch loads."""
        return {parameter.name: parameter.read() for parameter in self.parameters}

    def load_state_dict(self, state_dict: Mapping[str, ArrayLike]) -> None:
        """Takes parameters by name: a `state_dict()` of this class or of torch's `nn.RNN`, of any real dtype.

        Raises:
            ValueError: other names, or a parameter of another shape. TypeError: no real numbers. Nothing is changed.
        """
        expected = [parameter.name for parameter in self.parameters]
        if set(state_dict) != set(expected):
            raise ValueError(f"state_dict: expected the names {expected}, got {[*state_dict]}")
        values = [parameter.check(parameter.name, state_dict[parameter.name]) for parameter in self.parameters]
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.write(value)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _make_direction(self, layer: int, reverse: bool, rng: np.random.Generator) -> _Direction:
        features = self.input_size if layer == 0 else self._directions * self.hidden_size
        limit = 1 / math.sqrt(self.hidden_size)
        draw, suffix = RandomUniform(-limit, limit), f"_l{layer}" + ("_reverse" if reverse else "")
        units = self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (units, features), "weight_hh": (units, units)}
        if self.bias:
            shapes |= {"bias_ih": (units,), "bias_hh": (units,)}
        made = [Parameter(name + suffix, draw(shape, self.dtype, rng)) for name, shape in shapes.items()]
        self.parameters += made
        return _Direction(reverse, made[0], made[1], tuple(made[2:]))

    def _check_inputs(
        self, x: ArrayLike, h0: ArrayLike | None, lengths: ArrayLike | None
    ) -> tuple[Array, Array | None, tuple[int, ...]]:
        """x as (T, B, I), h0 as (L D, B, H) or None, and the shape that the states have for the caller."""
        given = checks.as_array("x", x)
        if given.ndim not in (2, 3):
            axes = "batch, seq_len" if self.batch_first else "seq_len, batch"
            raise ValueError(f"x: expected ({axes}, input_size), or (seq_len, input_size), got shape {given.shape}")
        if given.ndim == 2 and lengths is not None:
            raise ValueError(f"lengths: expected None for an unbatched x of shape {given.shape}, got {lengths!r}")
        steps = self._steps(checks.array_of("x", given, (*given.shape[:-1], self.input_size), self.dtype))
        batch = () if given.ndim == 2 else (steps.shape[1],)
        h_shape = (self.num_layers * self._directions, *batch, self.hidden_size)
        return steps, self._states("h0", h0, h_shape), h_shape

    def _states(self, name: str, value: ArrayLike | None, shape: tuple[int, ...]) -> Array | None:
        """The argument, of the caller's shape, as (L D, B, H)."""
        if value is None:
            return None
        return checks.array_of(name, value, shape, self.dtype).reshape(shape[0], -1, shape[-1])

    def _steps(self, array: Array) -> Array:
        """(T, B, F) in the memory that the kernels read, from the caller's layout."""
        if array.ndim == 2:
            return array[:, None]
        return time_major(array) if self.batch_first else array

    def _public(self, steps: Array, unbatched: bool) -> Array:
        """The inverse of `_steps`."""
        if unbatched:
            return steps[:, 0]
        return batch_major(steps) if self.batch_first else steps

    def _part(self, steps: Array, direction: int) -> Array:
        """What one direction has of (T, B, D H), as (T, B, H)."""
        return np.ascontiguousarray(steps[..., direction * self.hidden_size : (direction + 1) * self.hidden_size])
