"""Variant `block`: a thread block runs all steps of `rows` sequences. A thread has one unit of one of them.

The block keeps the states in shared memory, and of the weights (H, H) as many rows as fit beside them, `resident`; the
others it reads at every step. Blocks never meet. hidden_size, rows and resident are fixed when a kernel is compiled.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import cuda

from rnnfast.backends.numba_kernels.pointwise import Functions


@lru_cache
def unit_product(dtype: str, hidden_size: int, resident: int) -> Any:
    """sum_d vector[d] weights[d, unit], of which shared holds the first `resident` rows."""
    zero = np.dtype(dtype).type(0)

    @cuda.jit(device=True)
    def product(vector, shared, weights, unit):
        total = zero
        for d in range(resident):
            total += vector[d] * shared[d, unit]
        for d in range(resident, hidden_size):
            total += vector[d] * weights[d, unit]
        return total

    return product


@lru_cache
def forward(dtype: str, functions: Functions, hidden_size: int, rows: int, resident: int) -> Any:
    """h_t = f(x_t W_ih^T + h_{t-1} W_hh^T + b), in blocks of hidden_size x rows threads."""
    T = np.dtype(dtype).type
    zero, f, product = T(0), functions.f, unit_product(dtype, hidden_size, resident)

    @cuda.jit
    def block_forward(weights, b, y, position, reverse, hold, state):
        """weights (H, H): W_hh^T. y (T, B, H): x W_ih^T becomes h. state (B, H): h0 becomes h_n."""
        unit, here = cuda.threadIdx.x, cuda.threadIdx.y
        row = cuda.blockIdx.x * rows + here
        seq_len, exists = y.shape[0], row < y.shape[1]
        shared = cuda.shared.array((resident, hidden_size), T)
        states = cuda.shared.array((2, rows, hidden_size), T)  # of two steps, taking turns
        for d in range(here, resident, rows):
            shared[d, unit] = weights[d, unit]
        h = state[row, unit] if exists else zero
        states[0, here, unit] = h
        cuda.syncthreads()
        for step in range(seq_len):
            t = seq_len - 1 - step if reverse else step
            recurrent = product(states[step % 2, here], shared, weights, unit)
            if exists:
                valid = position[t, row] >= 0
                if valid:
                    h = f(y[t, row, unit] + recurrent + b[unit])
                y[t, row, unit] = h if valid or hold else zero
            states[(step + 1) % 2, here, unit] = h
            cuda.syncthreads()
        if exists:
            state[row, unit] = h

    return block_forward


@lru_cache
def backward(dtype: str, functions: Functions, hidden_size: int, rows: int, resident: int) -> Any:
    """da_t = (dy_t + da_{t+1} W_hh) f'(a_t), in blocks of hidden_size x rows threads: the mirror of forward."""
    T = np.dtype(dtype).type
    zero, df, product = T(0), functions.df, unit_product(dtype, hidden_size, resident)

    @cuda.jit
    def block_backward(dy, has_dy, y, weights, position, reverse, hold, bptt_steps, carry, da):
        """weights (H, H): W_hh. carry (B, H): dh_n becomes dh_0. da (T, B, H): goes out."""
        unit, here = cuda.threadIdx.x, cuda.threadIdx.y
        row = cuda.blockIdx.x * rows + here
        seq_len, exists = y.shape[0], row < y.shape[1]
        shared = cuda.shared.array((resident, hidden_size), T)
        gradients = cuda.shared.array((2, rows, hidden_size), T)
        for d in range(here, resident, rows):
            shared[d, unit] = weights[d, unit]
        reached = carry[row, unit] if exists else zero
        for step in range(seq_len - 1, -1, -1):
            t = seq_len - 1 - step if reverse else step
            at = position[t, row] if exists else -1
            gradient = zero
            if exists and has_dy and (at >= 0 or hold):
                reached += dy[t, row, unit]
            if at >= 0:
                gradient = reached * df(y[t, row, unit])
            if exists:
                da[t, row, unit] = gradient
            gradients[step % 2, here, unit] = gradient
            cuda.syncthreads()
            recurrent = product(gradients[step % 2, here], shared, weights, unit)
            if at >= 0:  # the gradient does not cross the start of a window
                reached = zero if bptt_steps > 0 and at > 0 and at % bptt_steps == 0 else recurrent
        if exists:
            carry[row, unit] = reached

    return block_backward
