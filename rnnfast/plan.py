"""The choice: which backend and which kernel variant computes a problem."""

from __future__ import annotations

from rnnfast.backends import Plan, find, find_with_devices
from rnnfast.cell_options import EPSILON
from rnnfast.pointwise import Activation
from rnnfast.problem import Problem


def plan(
    *,
    seq_len: int,
    batch: int,
    input_size: int,
    hidden_size: int,
    dtype: str = "float32",
    activation: str | Activation = "tanh",
    clip: float | None = None,
    reverse: bool = False,
    bptt_steps: int | None = None,
    backend: str = "auto",
    device: str | None = None,
    variant: str = "auto",
    precision: str = "highest",
    masked_output: str = "zero",
    heads: int = 1,
    recurrent_dropout: bool = False,
    zoneout: bool = False,
    layer_norm: bool = False,
    epsilon: float = EPSILON,
) -> Plan:
    """A plan for one problem, to be called many times through `plan.forward` and `plan.backward`.

    `heads` is that of w_hh: 1 for (H, H), n for (n, H / n, H / n), H for (H,). With `recurrent_dropout` the plan's
    methods take a recurrent_mask, with `zoneout` a zoneout_mask or a rate, and with `layer_norm` they need a gain: see
    `rnnfast.rnn_forward`. `dtype` is that of x, y and their gradients: float32, float64, or to store them in 16 bits
    float16 or bfloat16. `plan.explain()` says what was chosen and why.

    `device` is None for what is there. With the name of a GPU (h100, rtx4090; a wrong one lists them all) the plan is
    what backend "cupy" would choose on it: `explain()` needs neither the GPU nor CuPy, and says the tiles, registers,
    shared memory and occupancy, and the bound of a step. Such a plan does not run: its methods raise RuntimeError.

    Raises:
        ValueError: a size below 1, heads that do not divide hidden_size, an option or a device that is not known, a
            variant that does not take the problem.
        TypeError: a size that is no integer.
        RuntimeError: the backend asked for cannot run here.
    """
    problem = Problem(
        seq_len=seq_len,
        batch=batch,
        input_size=input_size,
        hidden_size=hidden_size,
        dtype=dtype,
        activation=activation,
        reverse=reverse,
        bptt_steps=bptt_steps,
        precision=precision,
        clip=clip,
        masked_output=masked_output,
        heads=heads,
        recurrent_dropout=recurrent_dropout,
        zoneout=zoneout,
        layer_norm=layer_norm,
        epsilon=epsilon,
    )
    if device is not None:
        return find_with_devices(backend).plan_for(problem, variant, device)
    return find(backend).plan(problem, variant)
