"""Variant `stepwise`: a launch a step, with the product and what follows it. A thread has one unit of one sequence."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from rnnfast.backends.numba_kernels.pointwise import Functions
from rnnfast.backends.numba_kernels.product import tile_product


@lru_cache
def forward(dtype: str, functions: Functions) -> Any:
    """h_t = f(x_t W_ih^T + h_{t-1} W_hh^T + b), in blocks of TILE x TILE threads."""
    zero = np.dtype(dtype).type(0)
    f, product = functions.f, tile_product(dtype)

    @cuda.jit
    def stepwise_forward(t, state, weights, b, y, position, hold, following):
        """state (B, H): h_{t-1}. weights (H, H): W_hh^T. y (T, B, H): x W_ih^T becomes h. following (B, H) := h_t."""
        unit, row = cuda.grid(2)
        recurrent = product(state, weights, False)
        if row < state.shape[0] and unit < state.shape[1]:
            valid = position[t, row] >= 0
            h = f(y[t, row, unit] + recurrent + b[unit]) if valid else state[row, unit]
            following[row, unit] = h
            y[t, row, unit] = h if valid or hold else zero

    return stepwise_forward


@lru_cache
def backward(dtype: str, functions: Functions) -> Any:
    """da_t = (dy_t + da_{t+1} W_hh) f'(a_t), in blocks of TILE x TILE threads."""
    zero = np.dtype(dtype).type(0)
    df, product = functions.df, tile_product(dtype)

    @cuda.jit
    def stepwise_backward(t, later, dy, has_dy, y, weights, position, hold, bptt_steps, carry, da):
        """weights (H, H): W_hh. carry (B, H): what reaches h_t from later steps, and from dy_t, without da_{t+1} W_hh.

        later: the time of the step processed after t, or -1 if t is the last; t: -1 for what reaches h0.
        """
        unit, row = cuda.grid(2)
        recurrent = product(da[later], weights, False)
        if row < carry.shape[0] and unit < carry.shape[1]:
            reached = carry[row, unit]
            if later >= 0 and position[later, row] >= 0:  # the gradient does not cross the start of a window
                at = position[later, row]
                reached = zero if bptt_steps > 0 and at > 0 and at % bptt_steps == 0 else recurrent
            if t >= 0:
                valid = position[t, row] >= 0
                if has_dy and (valid or hold):
                    reached += dy[t, row, unit]
                da[t, row, unit] = reached * df(y[t, row, unit]) if valid else zero
            carry[row, unit] = reached

    return stepwise_backward
