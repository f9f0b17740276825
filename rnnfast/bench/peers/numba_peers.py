"""Numba: the recurrence written as loops, sequences shared by the threads; the products over time are NumPy's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnfast.bench.cases import BOTH, FORWARD, Case
from rnnfast.bench.peers.base import Contender, Ready
from rnnfast.typing import Array


def loops(case: Case, arrays: Mapping[str, Array], threads: int) -> Ready:
    """Compiled with fast arithmetic, so that sums may be reordered into vectors."""
    import numba

    numba.set_num_threads(threads)
    x, w_ih, w_hh, b, dy = (arrays[name] for name in ("x", "w_ih", "w_hh", "b", "dy"))
    relu = case.activation == "relu"
    w_hh_t = np.ascontiguousarray(w_hh.T)

    def recurrence(a: Any, w: Any) -> Any:
        seq_len, batch, hidden = a.shape
        for n in numba.prange(batch):
            for t in range(seq_len):
                for j in range(hidden):
                    total = a[t, n, j]
                    if t > 0:
                        for k in range(hidden):
                            total += a[t - 1, n, k] * w[j, k]
                    a[t, n, j] = max(total, np.float32(0)) if relu else np.tanh(total)
        return a

    def recurrence_backward(da: Any, y: Any, w_t: Any) -> Any:
        seq_len, batch, hidden = y.shape
        for n in numba.prange(batch):
            for t in range(seq_len - 1, -1, -1):
                for j in range(hidden):
                    total = da[t, n, j]
                    if t < seq_len - 1:
                        for k in range(hidden):
                            total += da[t + 1, n, k] * w_t[j, k]
                    h = y[t, n, j]
                    da[t, n, j] = (total if h > 0 else np.float32(0)) if relu else total * (1 - h * h)
        return da

    compiled = numba.njit(parallel=True, fastmath=True)
    loops_forward, loops_backward = compiled(recurrence), compiled(recurrence_backward)

    def forward() -> Array:
        return np.asarray(loops_forward(x @ w_ih.T + b, w_hh))

    def both() -> tuple[Array, ...]:
        y = forward()
        da = loops_backward(dy.copy(), y, w_hh_t)
        flat = da.reshape(-1, case.hidden_size)
        dw_hh = flat[case.batch :].T @ y[:-1].reshape(-1, case.hidden_size)
        return y, da @ w_ih, flat.T @ x.reshape(-1, case.input_size), dw_hh

    return Ready({FORWARD: forward, BOTH: both})


CONTENDERS = [Contender("Numba loops", "numba", {"layer": loops}, ("numba",))]
