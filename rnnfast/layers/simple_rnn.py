"""The plain recurrent layer, over the kernels of `rnnfast.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnfast import pointwise
from rnnfast.arguments import check_flag, check_number
from rnnfast.backends import REGISTRY
from rnnfast.constraints import Constraint
from rnnfast.functional import rnn_backward, rnn_forward
from rnnfast.initializers import Initializer
from rnnfast.layers.base import Layer, Shape
from rnnfast.layout import batch_major, time_major
from rnnfast.pointwise import Activation
from rnnfast.problem import check_option, check_size
from rnnfast.reference import Gradients, processing_order
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed


class _Saved(NamedTuple):
    """What a forward pass leaves for the backward pass: x (T, B, I) after dropout, y (T, B, H), h0 (B, H), masks."""

    x: Array
    y: Array
    h0: Array | None
    input_mask: Array | None
    recurrent_mask: Array | None


class SimpleRNN(Layer):
    """h_t = f(x_t kernel + h_{t-1} recurrent_kernel + bias), for x (B, T, I) with h (B, units).

    Returns the last h, (B, units), or with return_sequences every h, (B, T, units). Weights: kernel (I, units),
    recurrent_kernel (units, units), bias (units,); inside they lie as the kernels want them, transposed.

    recurrent_dropout needs a mask between two steps, which the kernels do not have. The state of every step then
    passes through Python, one kernel call a step, in training only: exact, but slow.

    Args:
        units: length of the state.
        activation: a name or an Activation, see docs/semantics.md; None means linear.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects.
        dropout: rate in 0..1, below 1, of dropout on x; one mask (B, I) for all steps of a batch.
        recurrent_dropout: the same on h_{t-1}, with one mask (B, units).
        return_sequences: return every state in place of the last.
        return_state: `layer(x)` returns [y, last state]; not in a Sequential.
        go_backwards: process from the last step to the first; outputs come in the order of processing.
        stateful: start each batch from the last state of the one before, until `reset_states`. No gradient crosses.
        clip: clamp every pre-activation to [-clip, clip]; see `rnnfast.rnn_forward`.
        backend: see `rnnfast.rnn_forward`; by default the model's.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: names or objects of
            `rnnfast.regularizers`.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects of `rnnfast.constraints`.
        name, dtype, seed, input_shape: see Layer.
    """

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = "tanh",
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        recurrent_initializer: str | Initializer = "orthogonal",
        bias_initializer: str | Initializer = "zeros",
        *,
        kernel_regularizer: str | Regularizer | None = None,
        recurrent_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
        activity_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | Constraint | None = None,
        recurrent_constraint: str | Constraint | None = None,
        bias_constraint: str | Constraint | None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        clip: float | None = None,
        backend: str = "auto",
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
        pointwise.get(self.activation)
        self.clip = pointwise.check_clip(clip)
        check_option("backend", backend, ("auto", *REGISTRY))
        self.use_bias = check_flag("use_bias", use_bias)
        self._kernel_options = self.weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._recurrent_options = self.weight_options(
            "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        self._bias_options = self.weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = check_number("dropout", dropout, low=0, below=1)
        self.recurrent_dropout = check_number("recurrent_dropout", recurrent_dropout, low=0, below=1)
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.return_state = check_flag("return_state", return_state)
        self.go_backwards = check_flag("go_backwards", go_backwards)
        self.stateful = check_flag("stateful", stateful)
        self.backend = backend
        self.state: Array | None = None
        self.input_mask: Array | None = None
        self.recurrent_mask: Array | None = None

    def join(self, *, name: str, dtype: str, seed: np.random.SeedSequence, backend: str) -> None:
        if self.return_state:
            raise ValueError(
                f"return_state: expected False for {self.name!r} in a Sequential, "
                "whose layers have one output, got True"
            )
        super().join(name=name, dtype=dtype, seed=seed, backend=backend)
        self.backend = backend if self.backend == "auto" else self.backend

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (3,), "(batch, time, features)")
        self.check_batch(shape[0])

    def check_batch(self, batch: int | None) -> None:
        """ValueError if a stateful layer keeps the state of another number of sequences."""
        kept = None if self.state is None else len(self.state)
        if self.stateful and kept is not None and batch not in (None, kept):
            raise ValueError(
                f"x: stateful {self.name!r} keeps the state of {kept} sequences, got a batch of {batch}; "
                "reset_states() forgets it"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], self.units) if self.return_sequences else (input_shape[0], self.units)

    def make_weights(self, input_shape: Shape) -> None:
        features = input_shape[-1]
        assert features is not None
        units = self.units
        self._w_ih = self.add_weight("kernel", (features, units), self._kernel_options, transposed=True)
        self._w_hh = self.add_weight("recurrent_kernel", (units, units), self._recurrent_options, transposed=True)
        self._bias = self.add_weight("bias", (units,), self._bias_options) if self.use_bias else None
        self._zero_bias = np.zeros(units, self.dtype)

    def __call__(self, x: object, *, training: bool = False, initial_state: object = None) -> Any:
        """The output for a batch x (B, T, I), and the last state (B, units) with it if return_state.

        Args:
            x: real numbers.
            training: draw dropout, and keep what `backward` needs.
            initial_state: the first h, (B, units), in place of zeros or of what a stateful layer kept.
        """
        array, state = self.check_input(x), self.state
        if initial_state is not None:
            state = np.array(initial_state, self.dtype)
            if state.shape != (len(array), self.units):
                raise ValueError(f"initial_state: expected shape {(len(array), self.units)}, got {state.shape}")
        self.build((None, *array.shape[1:]))
        y, h_n = self._run(array, training, state)
        return [y, h_n.copy()] if self.return_state else y

    def forward(self, x: Array, training: bool) -> Array:
        if self.stateful:
            self.check_batch(len(x))
        return self._run(x, training, self.state)[0]

    def backward(self, dy: Array) -> Array:
        """As `Layer.backward`; the last state that return_state adds to the output is taken as not used."""
        saved = self._saved
        dy_steps = dh_n = None
        if self.return_sequences:
            dy_steps = time_major(dy[:, ::-1] if self.go_backwards else dy)
        else:
            dh_n = np.ascontiguousarray(dy)
        if saved.recurrent_mask is None:
            gradients = rnn_backward(
                dy_steps,
                saved.x,
                saved.y,
                self._w_ih.value,
                self._w_hh.value,
                h0=saved.h0,
                dh_n=dh_n,
                **self._options(),
            )
        else:
            gradients = self._backward_by_steps(saved, dy_steps, dh_n)
        self._w_ih.gradient, self._w_hh.gradient = gradients.dw_ih, gradients.dw_hh
        if self._bias is not None:
            self._bias.gradient = gradients.db
        dx = gradients.dx if saved.input_mask is None else gradients.dx * saved.input_mask
        return batch_major(dx)

    def reset_states(self) -> None:
        self.state = None

    def get_states(self) -> list[Array]:
        return [] if self.state is None else [self.state.copy()]

    def set_states(self, states: Sequence[Array]) -> None:
        self.state = states[0].copy() if states else None

    def _run(self, x: Array, training: bool, h0: Array | None) -> tuple[Array, Array]:
        """The layer's output and the last state."""
        steps = time_major(x)
        self._draw_masks(len(x), training)
        if self.input_mask is not None:
            steps = steps * self.input_mask
        weights = self._w_ih.value, self._w_hh.value, self._zero_bias if self._bias is None else self._bias.value
        if self.recurrent_mask is None:
            y, h_n = rnn_forward(steps, *weights, h0=h0, **self._options())
        else:
            y, h_n = self._forward_by_steps(steps, weights, h0, self.recurrent_mask)
        if training:
            self._saved = _Saved(steps, y, h0, self.input_mask, self.recurrent_mask)
        if self.stateful:
            self.state = h_n.copy()
        if not self.return_sequences:
            return h_n, h_n
        return batch_major(y[::-1] if self.go_backwards else y), h_n

    def _draw_masks(self, batch: int, training: bool) -> None:
        """New masks for one batch; None where nothing is dropped."""
        self.input_mask = self.recurrent_mask = None
        if training and self.dropout:
            self.input_mask = self.masks.dropout((batch, self._w_ih.value.shape[1]), self.dropout, self.dtype)
        if training and self.recurrent_dropout:
            self.recurrent_mask = self.masks.dropout((batch, self.units), self.recurrent_dropout, self.dtype)

    def _options(self) -> dict[str, Any]:
        return {
            "activation": self.activation,
            "clip": self.clip,
            "reverse": self.go_backwards,
            "backend": self.backend,
        }

    def _forward_by_steps(
        self, x: Array, weights: tuple[Array, Array, Array], h0: Array | None, mask: Array
    ) -> tuple[Array, Array]:
        """h_t = f(x_t W_ih^T + (mask * h_{t-1}) W_hh^T + b), a kernel call a step."""
        y = np.empty((*x.shape[:2], self.units), x.dtype)
        state = np.zeros(mask.shape, x.dtype) if h0 is None else h0
        for t in processing_order(len(x), self.go_backwards):
            _, state = rnn_forward(x[t : t + 1], *weights, h0=mask * state, **self._options())
            y[t] = state
        return y, state

    def _backward_by_steps(self, saved: _Saved, dy: Array | None, dh_n: Array | None) -> Gradients:
        """The mirror of `_forward_by_steps`: dh_{t-1} = dy_{t-1} + mask * (da_t W_hh)."""
        x, y, h0, _, mask = saved
        assert mask is not None
        initial = np.zeros_like(mask) if h0 is None else h0
        dx = np.empty_like(x)
        dw_ih, dw_hh, db = (np.zeros_like(w) for w in (self._w_ih.value, self._w_hh.value, self._zero_bias))
        carry = np.zeros_like(mask) if dh_n is None else dh_n
        order = list(processing_order(len(x), self.go_backwards))
        for step in reversed(range(len(x))):
            t = order[step]
            before = initial if step == 0 else y[order[step - 1]]
            gradients = rnn_backward(
                None if dy is None else dy[t : t + 1],
                x[t : t + 1],
                y[t : t + 1],
                self._w_ih.value,
                self._w_hh.value,
                h0=mask * before,
                dh_n=carry,
                **self._options(),
            )
            dx[t] = gradients.dx[0]
            dw_ih += gradients.dw_ih
            dw_hh += gradients.dw_hh
            db += gradients.db
            carry = mask * gradients.dh0
        return Gradients(dx, dw_ih, dw_hh, db, carry)
