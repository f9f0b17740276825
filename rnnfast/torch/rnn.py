"""`RNN`: what `torch.nn.RNN` is, on the kernels of rnnfast."""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnnfast.problem import PRECISIONS, check_option
from rnnfast.torch.derivatives import recurrence
from rnnfast.torch.inputs import check_input, check_state
from rnnfast.torch.operands import ForwardInputs, Options
from rnnfast.torch.tracing import for_tracers

_MODES = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}
_OPTIONS = {
    (nonlinearity, reverse, precision): Options(activation=nonlinearity, reverse=reverse, precision=precision)
    for nonlinearity, reverse, precision in product(_MODES, (False, True), PRECISIONS)
}


class RNN(nn.RNNBase):  # type: ignore[misc]  # torch may not be installed where this is checked
    """num_layers recurrences h_t = f(x_t W_ih^T + b_ih + h_{t-1} W_hh^T + b_hh), each over the outputs of the last.

    A drop-in for `torch.nn.RNN`: its arguments, attributes, parameters and their names, its initial values under the
    same seed, and its results, but for rounding. In the shapes T is seq_len, B batch, I input_size, H hidden_size,
    L num_layers, and D 2 if bidirectional, else 1.

    Args:
        input_size, hidden_size, num_layers: at least 1.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: input and output are (B, T, ...) in place of (T, B, ...); the states are not.
        dropout: rate in 0..1 of dropout on the outputs of every layer but the last, in training.
        bidirectional: a second recurrence in each layer, from the last step to the first; outputs are concatenated.
        device, dtype: of the parameters. float16 and bfloat16 are computed with in float32.
        precision: see `rnnfast.rnn_forward`; torch's own settings for float32 products are not looked at.

    Raises:
        ValueError, TypeError: an option that is not known or not in its range.
    """

    precision = "highest"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        precision: str = "highest",
    ) -> None:
        check_option("nonlinearity", nonlinearity, tuple(_MODES))
        check_option("precision", precision, PRECISIONS)
        super().__init__(
            _MODES[nonlinearity],
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity
        self.precision = precision

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """The outputs of the last layer, and the last states of all.

        Args:
            input: (T, B, I), (B, T, I) with batch_first, unbatched (T, I), or a PackedSequence.
            hx: initial states, (L D, B, H), unbatched (L D, H); zeros by default.

        Returns:
            output: (T, B, D H), (B, T, D H) with batch_first, unbatched (T, D H), or a PackedSequence.
            h_n: the last states, in the shape of hx and the order of the batch.

        Raises:
            ValueError, RuntimeError, TypeError: where torch raises them, naming the argument.
        """
        if (traced := for_tracers(self, nn.RNN, input, hx)) is not None:
            return traced  # type: ignore[no-any-return]
        weights = self._weights()
        if isinstance(input, PackedSequence):
            return self._run_packed(input, hx, weights)
        check_input(input, self.input_size, weights[0][0])
        unbatched = input.dim() == 2
        swapped = self.batch_first and not unbatched
        x = input.unsqueeze(1) if unbatched else input.transpose(0, 1) if swapped else input
        if x.shape[0] == 0:
            raise RuntimeError(f"input: expected at least one step, got shape {tuple(input.shape)}")
        if hx is not None:
            batch = () if unbatched else (x.shape[1],)
            check_state(hx, (len(weights), *batch, self.hidden_size), x)
            hx = hx.unsqueeze(1) if unbatched else hx
        y, h_n = self._run(x.contiguous(), hx, None, weights)
        if unbatched:
            return y.squeeze(1), h_n.squeeze(1)
        return (y.transpose(0, 1) if swapped else y), h_n

    def _weights(self) -> list[list[Tensor]]:
        """The parameters of each direction of each layer: `all_weights`, which takes ten times as long."""
        parameters = self._parameters
        try:
            return [[parameters[name] for name in names] for names in self._all_weights]
        except KeyError:  # some are computed from others
            return self.all_weights  # type: ignore[no-any-return]

    def _run_packed(
        self, packed: PackedSequence, hx: Tensor | None, weights: list[list[Tensor]]
    ) -> tuple[PackedSequence, Tensor]:
        """With the sequences in the order in which they are packed, from the longest to the shortest."""
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        check_input(data, self.input_size, weights[0][0], packed=True)
        x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes))
        if hx is not None:
            check_state(hx, (len(weights), x.shape[1], self.hidden_size), x)
            hx = hx if sorted_indices is None else hx.index_select(1, sorted_indices)
        y, h_n = self._run(x, hx, lengths, weights)
        output = pack_padded_sequence(y, lengths)._replace(
            sorted_indices=sorted_indices, unsorted_indices=unsorted_indices
        )
        return output, h_n if unsorted_indices is None else h_n.index_select(1, unsorted_indices)

    def _run(
        self, x: Tensor, hx: Tensor | None, lengths: Tensor | None, weights: list[list[Tensor]]
    ) -> tuple[Tensor, Tensor]:
        """All layers: x (T, B, I) to y (T, B, D H), and h_n (L D, B, H)."""
        directions = 2 if self.bidirectional else 1
        states = []
        for layer in range(self.num_layers):
            if layer > 0 and self.dropout > 0:
                x = nn.functional.dropout(x, self.dropout, self.training)
            outputs = []
            for number in range(layer * directions, (layer + 1) * directions):
                w_ih, w_hh, *biases = weights[number]
                b, b_hh = biases or (None, None)
                h0 = hx if hx is None or len(weights) == 1 else hx[number : number + 1]
                options = _OPTIONS[self.nonlinearity, number > layer * directions, self.precision]
                y, h_n = recurrence(ForwardInputs(x, w_ih, w_hh, b, b_hh, h0, lengths), options)
                outputs.append(y)
                states.append(h_n)
            x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
        return x, states[0] if len(states) == 1 else torch.cat(states)
