"""The plain recurrent layer, over the kernels of `rnnfast.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnfast import pointwise
from rnnfast.arguments import check_flag, check_number
from rnnfast.backends import REGISTRY, memory_of
from rnnfast.constraints import Constraint
from rnnfast.home import to_host
from rnnfast.initializers import Initializer, Ones, PerHead, RandomUniform
from rnnfast.layers.base import Layer, Shape, check_mask
from rnnfast.layers.recurrence import Batch, CheckpointedRecurrence, Dropped, Recurrence, Weights, WholeRecurrence
from rnnfast.layers.weight_options import WeightOptions
from rnnfast.layout import batch_major, contiguous, time_major
from rnnfast.parameters import Parameter
from rnnfast.pointwise import Activation
from rnnfast.problem import check_heads, check_option, check_size
from rnnfast.regularizers import Regularizer
from rnnfast.typing import Array, Seed

_ON_CPU = {"heads": 1, "layer_norm": False, "recurrent_dropout": 0.0, "zoneout": 0.0, "checkpoint_every": None}
"""What no backend for another memory has, and the value without it."""


class SimpleRNN(Layer):
    """h_t = f(x_t kernel + h_{t-1} recurrent_kernel + bias), for x (B, T, I) with h (B, units).

    Returns the last h, (B, units), or with return_sequences every h, (B, T, units). Weights: kernel (I, units),
    recurrent_kernel (units, units), bias (units,), and with layer_norm gain (units,); inside they lie as the kernels
    want them, transposed.

    With heads = n recurrent_kernel is block-diagonal: (n, units/n, units/n), and the units of a head depend on the
    state of that head alone. With heads = units it is a diagonal, (units,): h_t = f(x_t kernel + recurrent_kernel *
    h_{t-1} + bias), the cell of IndRNN (Li et al. 2018). Regularizers and constraints see it in that shape: of blocks
    axis 1 is what goes into one unit; IndRNN's bound |w| <= c is MaxNorm(c, axis=()).

    A masked step holds the state and costs no arithmetic; its output repeats the one before it (the initial state
    before the first valid step). With return_sequences the mask goes on to the next layer, in the order of time.

    Args:
        units: length of the state.
        activation: a name or an Activation, see docs/semantics.md; None means linear.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: names or objects. Each head's block is drawn as a
            matrix. recurrent_initializer None means "orthogonal", and U(0, 1) with heads = units, about what Li et al.
            give a relu: U(0, 2^(1 / steps)).
        heads: of the recurrent weights, a divisor of units; 1 is dense.
        layer_norm: normalise the pre-activation over the units (Ba et al. 2016): f(gain (s_t - mean) / sqrt(variance +
            1e-5) + bias), s_t = x_t kernel + h_{t-1} recurrent_kernel. gain begins as ones.
        dropout: rate, in 0..1 and below 1 as every one here, of dropout on x; one mask (B, I) for all steps of a batch.
        recurrent_dropout: the same on h_{t-1} where it enters the product, with one mask (B, units).
        zoneout: rate at which a unit keeps its previous state, drawn for every step and unit in training; in inference
            h_t = rate h_{t-1} + (1 - rate) f(a_t) (Krueger et al. 2016).
        drop_connect: rate of dropout on recurrent_kernel, one mask for a batch (Wan et al. 2013).
        output_dropout: rate of dropout on every element of the layer's output, after the recurrence.
        return_sequences: return every state in place of the last.
        return_state: `layer(x)` returns [y, last state]; not in a Sequential.
        go_backwards: process from the last step to the first; outputs come in the order of processing.
        stateful: start each batch from the last state of the one before, until `reset_states`. No gradient crosses:
            a long sequence fed in chunks is trained by truncated BPTT, as bptt_steps does within one batch.
        bptt_steps: cut each sequence into windows of so many valid steps, from the first that it processes: the state
            crosses a cut, the gradient does not.
        checkpoint_every: train in little memory, for one more forward pass: keep the state before every segment of so
            many steps (at least, see `rnnfast.checkpointed_forward`) and compute the outputs of a segment again when
            the way back comes to it. Results have the same bits. Memory is O(T / k + k) above x, and above the
            gradient of x where a layer before this one has weights. Not with return_sequences, which keeps all outputs.
        zero_output_for_mask: the output of a masked step is 0 instead, and so is the output without return_sequences
            where the last step that is processed is masked.
        clip: clamp every pre-activation to [-clip, clip]; see `rnnfast.rnn_forward`.
        backend: see `rnnfast.rnn_forward`; by default the model's, and one whose arrays lie where the model's do:
            it is the model that says where everything lies.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: names or objects of
            `rnnfast.regularizers`.
        kernel_constraint, recurrent_constraint, bias_constraint: names or objects of `rnnfast.constraints`.
        name, dtype, seed, input_shape: see Layer.
    """

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = "tanh",
        use_bias: bool = True,
        kernel_initializer: str | Initializer = "glorot_uniform",
        recurrent_initializer: str | Initializer | None = None,
        bias_initializer: str | Initializer = "zeros",
        *,
        kernel_regularizer: str | Regularizer | None = None,
        recurrent_regularizer: str | Regularizer | None = None,
        bias_regularizer: str | Regularizer | None = None,
        activity_regularizer: str | Regularizer | None = None,
        kernel_constraint: str | Constraint | None = None,
        recurrent_constraint: str | Constraint | None = None,
        bias_constraint: str | Constraint | None = None,
        layer_norm: bool = False,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        drop_connect: float = 0.0,
        output_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        bptt_steps: int | None = None,
        checkpoint_every: int | None = None,
        zero_output_for_mask: bool = False,
        clip: float | None = None,
        heads: int = 1,
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
        check_size("heads", heads)
        check_heads(heads, "units", self.units)
        self.heads = int(heads)
        if recurrent_initializer is None:
            recurrent_initializer = RandomUniform(0, 1) if 1 < self.heads == self.units else "orthogonal"
        self.activation = "linear" if activation is None else activation
        pointwise.get(self.activation)
        self.clip = pointwise.check_clip(clip)
        _check_backend(backend)
        self.use_bias = check_flag("use_bias", use_bias)
        self._kernel_options = self.weight_options("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._recurrent_options = self.weight_options(
            "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        self._bias_options = self.weight_options("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.layer_norm = check_flag("layer_norm", layer_norm)
        self.dropout = check_number("dropout", dropout, low=0, below=1)
        self.recurrent_dropout = check_number("recurrent_dropout", recurrent_dropout, low=0, below=1)
        self.zoneout = check_number("zoneout", zoneout, low=0, below=1)
        self.drop_connect = check_number("drop_connect", drop_connect, low=0, below=1)
        self.output_dropout = check_number("output_dropout", output_dropout, low=0, below=1)
        self.return_sequences = check_flag("return_sequences", return_sequences)
        self.return_state = check_flag("return_state", return_state)
        self.go_backwards = check_flag("go_backwards", go_backwards)
        self.stateful = check_flag("stateful", stateful)
        for option, steps in (("bptt_steps", bptt_steps), ("checkpoint_every", checkpoint_every)):
            if steps is not None:
                check_size(option, steps)
        if return_sequences and checkpoint_every is not None:
            raise ValueError(f"checkpoint_every: expected None with return_sequences, got {checkpoint_every}")
        self.bptt_steps, self.checkpoint_every = bptt_steps, checkpoint_every
        self.zero_output_for_mask = check_flag("zero_output_for_mask", zero_output_for_mask)
        self.backend = backend
        self.state: Array | None = None
        self.dropped = Dropped()

    def join(self, *, name: str, dtype: str, seed: np.random.SeedSequence, backend: str) -> None:
        if self.return_state:
            raise ValueError(
                f"return_state: expected False for {self.name!r} in a Sequential, "
                "whose layers have one output, got True"
            )
        own = backend if self.backend == "auto" else self.backend
        _check_backend(own)
        if memory_of(own) != memory_of(backend):
            raise ValueError(
                f"backend: expected {backend!r} in {self.name!r}, as in its model, whose arrays lie on the "
                f"{memory_of(backend)}, got {own!r}"
            )
        for option, plain in _ON_CPU.items():
            if memory_of(own) != "CPU" and getattr(self, option) != plain:
                raise ValueError(
                    f"{option}: expected {plain} in {self.name!r} on the backend {own!r}, which has no other yet, "
                    f"got {getattr(self, option)}"
                )
        super().join(name=name, dtype=dtype, seed=seed, backend=backend)
        self.backend = own

    def check_input_shape(self, shape: Shape) -> None:
        self._check_features(shape, (3,), "(batch, time, features)")

    def check_batch(self, batch: int) -> None:
        if self.state is not None and batch != len(self.state):
            raise ValueError(
                f"x: stateful {self.name!r} keeps the state of {len(self.state)} sequences, got a batch of {batch}; "
                "reset_states() forgets it"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], self.units) if self.return_sequences else (input_shape[0], self.units)

    def make_weights(self, input_shape: Shape) -> None:
        features = input_shape[-1]
        assert features is not None
        units = self.units
        self._w_ih = self.add_weight("kernel", (features, units), self._kernel_options, transposed=True)
        self._w_hh = self._recurrent_weight()
        self._bias = self.add_weight("bias", (units,), self._bias_options) if self.use_bias else None
        self._zero_bias = self.home.upload(np.zeros(units, self.dtype))
        self._gain = self.add_weight("gain", (units,), WeightOptions(Ones())) if self.layer_norm else None

    def _recurrent_weight(self) -> Parameter:
        options, size = self._recurrent_options, self.units // self.heads
        if self.heads == 1:
            return self.add_weight("recurrent_kernel", (size, size), options, transposed=True)
        options = options._replace(initializer=PerHead(options.initializer))
        shape = (self.heads, size, size) if size > 1 else (self.units,)
        return self.add_weight("recurrent_kernel", shape, options, transposed=size > 1)

    def compute_mask(self, x: Array, mask: Array | None = None) -> Array | None:
        return mask if self.return_sequences else None

    def __call__(self, x: object, *, training: bool = False, mask: object = None, initial_state: object = None) -> Any:
        """The output for a batch x (B, T, I), and the last state (B, units) with it if return_state.

        Args:
            x: real numbers.
            training: draw dropout, and keep what `backward` needs.
            mask: (B, T) of bool, which steps are valid; None for all.
            initial_state: the first h, (B, units), in place of zeros or of what a stateful layer kept.
        """
        array = self.check_input(x)
        if memory_of(self.backend) != memory_of(self._placed_by):
            raise ValueError(
                f"backend: expected one on the CPU in {self.name!r} outside of a model, got {self.backend!r}; "
                f"Sequential(..., backend={self.backend!r}) has its arrays on the {memory_of(self.backend)}"
            )
        valid = check_mask(mask, array.shape)
        self.check_batch(len(array))
        if initial_state is not None:
            initial_state = np.array(initial_state, self.dtype)
            if initial_state.shape != (len(array), self.units):
                raise ValueError(f"initial_state: expected shape {(len(array), self.units)}, got {initial_state.shape}")
        self.build((None, *array.shape[1:]))
        upload = self.home.upload
        state = self.state if initial_state is None else upload(initial_state)
        y, h_n = self._run(upload(array), training, None if valid is None else upload(valid), state)
        return [y, h_n.copy()] if self.return_state else y

    def forward(self, x: Array, training: bool, mask: Array | None = None) -> Array:
        return self._run(x, training, mask, self.state)[0]

    def backward(self, dy: Array) -> Array | None:
        """As `Layer.backward`; the last state that return_state adds to the output is taken as not used."""
        dy_steps = dh_n = None
        batch = self._recurrence.batch
        if self.return_sequences:
            dy_steps = _times(time_major(dy[:, ::-1] if self.go_backwards else dy), batch.dropped.output)
        else:
            dh_n = self._last_output(_times(contiguous(dy), batch.dropped.output), batch.mask)
        gradients = self._recurrence.backward(dy_steps, dh_n, wants_dx=self.wants_dx)
        self._w_ih.gradient, self._w_hh.gradient = gradients.dw_ih, gradients.dw_hh
        if self._bias is not None:
            self._bias.gradient = gradients.db
        if self._gain is not None:
            self._gain.gradient = gradients.dgain
        return batch_major(gradients.dx) if self.wants_dx else None

    def reset_states(self) -> None:
        self.state = None

    def get_states(self) -> list[Array]:
        return [] if self.state is None else [to_host(self.state.copy())]

    def set_states(self, states: Sequence[Array]) -> None:
        self.state = self.home.upload(states[0].copy()) if states else None

    def _run(self, x: Array, training: bool, mask: Array | None, h0: Array | None) -> tuple[Array, Array]:
        """The layer's output and the last state."""
        self.dropped = self._draw(x.shape[1], len(x)) if training else Dropped()
        valid = None if mask is None else contiguous(mask.T)
        batch = Batch(x.transpose(1, 0, 2), h0, valid, self.dropped)
        recurrence = self._recurrence_over(batch, training)
        y, h_n = recurrence.forward()
        if training:
            self._recurrence = recurrence
        if self.stateful:
            self.state = h_n.copy()
        if not self.return_sequences:
            return _times(self._last_output(h_n, valid), self.dropped.output), h_n
        assert y is not None, "checkpoint_every goes without return_sequences"
        y = _times(y, self.dropped.output)
        return batch_major(y[::-1] if self.go_backwards else y), h_n

    def _recurrence_over(self, batch: Batch, training: bool) -> Recurrence:
        bias = self._zero_bias if self._bias is None else self._bias.value
        weights = Weights(self._w_ih.value, self._w_hh.value, bias)
        options = {
            "activation": self.activation,
            "clip": self.clip,
            "reverse": self.go_backwards,
            "backend": self.backend,
            "masked_output": "zero" if self.zero_output_for_mask else "hold",
            "gain": None if self._gain is None else self._gain.value,
        }
        if self.zoneout and not training:
            options["zoneout"] = self.zoneout
        if self.checkpoint_every is None:
            return WholeRecurrence(batch, weights, options, bptt_steps=self.bptt_steps)
        return CheckpointedRecurrence(
            batch, weights, options, checkpoint_every=self.checkpoint_every, bptt_steps=self.bptt_steps
        )

    def _last_output(self, h_n: Array, valid: Array | None) -> Array:
        """The output of the step processed last, from the last state, (B, units); or the gradient the other way."""
        if valid is None or not self.zero_output_for_mask:
            return h_n
        return np.where(valid[0 if self.go_backwards else -1, :, None], h_n, 0)

    def _draw(self, steps: int, batch: int) -> Dropped:
        """New masks for one batch."""
        states = (steps, batch, self.units)
        return Dropped(
            input=self._dropout((batch, self._w_ih.value.shape[1]), self.dropout),
            recurrent=self._dropout((batch, self.units), self.recurrent_dropout),
            zoneout=self.masks.chosen(states, self.zoneout) if self.zoneout else None,
            weights=self._dropout(self._w_hh.value.shape, self.drop_connect),
            output=self._dropout(states if self.return_sequences else states[1:], self.output_dropout),
        )

    def _dropout(self, shape: tuple[int, ...], rate: float) -> Array | None:
        return self.masks.dropout(shape, rate, self.dtype) if rate else None


def _check_backend(backend: str) -> None:
    check_option("backend", backend, ("auto", *REGISTRY))
    if backend != "auto" and not REGISTRY[backend].in_layers:
        raise ValueError(f"backend: expected one that layers can use, got {backend!r}, which rnn_forward alone can")


def _times(array: Array, mask: Array | None) -> Array:
    return array if mask is None else array * mask
