"""The contenders: rnnfast's kernels, and the peers that are installed, a few lines each."""

from __future__ import annotations

from rnnfast.bench.peers import (
    jax_peers,
    keras_peers,
    numba_peers,
    onnx_peers,
    own,
    tensorflow_peers,
    torch_peers,
)
from rnnfast.bench.peers.base import Contender, NotHere, Ready
from rnnfast.bench.peers.own import CHOSEN

PEERS = (torch_peers, jax_peers, keras_peers, tensorflow_peers, onnx_peers, numba_peers)


def contenders(backend: str = "auto") -> dict[str, Contender]:
    """By name, those of rnnfast first; whether their packages are installed, `missing` says.

    With a backend its own variants, and the peers whose arrays lie where its do; "auto": all.
    """
    peers = [contender for module in PEERS for contender in module.CONTENDERS]
    if backend != "auto":
        peers = [contender for contender in peers if contender.on_gpu == own.on_gpu(backend)]
    return {contender.name: contender for contender in [*own.contenders(backend), *peers]}


__all__ = ["CHOSEN", "Contender", "NotHere", "Ready", "contenders"]
