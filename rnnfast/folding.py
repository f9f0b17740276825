"""Inference with an embedding and the input projection after it folded into one table.

    h_t = f(E[ids_t] W_ih^T + h_{t-1} W_hh^T + b) = f(table[ids_t] + h_{t-1} W_hh^T),   table = E W_ih^T + b

A table of V rows costs as much as the projection of V tokens, once, and then a token costs a look-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnfast import _cpu
from rnnfast.backends.cpu import compiled
from rnnfast.layers import Embedding, Layer, SimpleRNN
from rnnfast.typing import Array

# Beyond this many units the batch does not stand in the lanes of the vectors any more.
_MOST_UNITS = _cpu.most_lanes_hidden


def last_states(layers: Sequence[Layer], ids: Array) -> Array | None:
    """What an Embedding and a SimpleRNN at the start of a model return for ids (B, T), (B, units), in inference.

    None where the layers are others, or do more than this, or where folding them costs more than it saves.
    """
    if len(layers) < 2 or type(layers[0]) is not Embedding or type(layers[1]) is not SimpleRNN:
        return None
    embedding, rnn = layers[0], layers[1]
    plain = not (rnn.return_sequences or rnn.return_state or rnn.stateful or rnn.zero_output_for_mask)
    plain_cell = not (rnn.heads > 1 or rnn.layer_norm or rnn.zoneout) and rnn.backend in ("auto", "cpu")
    if not (plain and plain_cell) or rnn.units > _MOST_UNITS or ids.size < embedding.input_dim:
        return None
    ids = np.ascontiguousarray(ids, np.int64)
    arguments = (
        folded_table(embedding, rnn),
        np.ascontiguousarray(rnn.parameters[1].value),
        compiled(rnn.activation, rnn.clip),
        rnn.go_backwards,
        embedding.mask_zero,
        _cpu.default_isa(),
    )
    if not embedding.mask_zero:
        return _cpu.lookup_states(ids, *arguments)
    # Sequences of about as many valid steps side by side: those that all of them mask cost nothing.
    order = np.argsort(np.count_nonzero(ids, axis=1), kind="stable")
    states = np.empty((len(ids), rnn.units), rnn.dtype)
    states[order] = _cpu.lookup_states(ids[order], *arguments)
    return states


def folded_table(embedding: Embedding, rnn: SimpleRNN) -> Array:
    """E W_ih^T + b, (V, units), the rows filled up with zeros to whole vectors."""
    kernel, *rest = (parameter.read() for parameter in rnn.parameters)
    lanes = _cpu.vector_len(_cpu.default_isa(), rnn.dtype)
    table = np.zeros((embedding.input_dim, -(-rnn.units // lanes) * lanes), rnn.dtype)
    states = table[:, : rnn.units]
    np.matmul(embedding.parameters[0].read(), kernel, out=states)
    if rnn.use_bias:
        states += rest[1]
    return table
