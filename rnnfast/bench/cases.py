"""The problems that are timed, each with its inputs, what is right for them, and how much work they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

import rnnfast
from rnnfast import reference
from rnnfast.backends import Plan
from rnnfast.typing import Array

FORWARD, BOTH = "forward", "forward+backward"
"""What is timed of a layer: a call that gives y (T, B, H), and one that gives y, dx, dw_ih, dw_hh."""


@dataclass(frozen=True)
class Case:
    """One recurrent layer over one batch, in float32."""

    batch: int
    seq_len: int
    input_size: int
    hidden_size: int
    activation: str = "tanh"
    reason: str = ""

    kind: ClassVar[str] = "layer"
    passes: ClassVar[tuple[str, ...]] = (FORWARD, BOTH)

    def __str__(self) -> str:
        sizes = f"{self.batch}, {self.seq_len}, {self.input_size}, {self.hidden_size}"
        return sizes if self.activation == "tanh" else f"{sizes} {self.activation}"

    def plan(self, **options: Any) -> Plan:
        """A plan for it; options as for `rnnfast.plan`."""
        return rnnfast.plan(
            seq_len=self.seq_len,
            batch=self.batch,
            input_size=self.input_size,
            hidden_size=self.hidden_size,
            activation=self.activation,
            **options,
        )

    @property
    def forward_flops(self) -> int:
        """Operations of the forward products; the backward ones are twice as many."""
        return 2 * self.seq_len * self.batch * self.hidden_size * (self.input_size + self.hidden_size)

    def flops(self, what: str) -> int:
        """Operations of the products of one pass."""
        return {FORWARD: 1, BOTH: 3}[what] * self.forward_flops

    def least_bytes(self, what: str) -> int:
        """What a pass must read and write once: arguments and results, in float32."""
        sequences = self.seq_len * self.batch * (self.input_size + self.hidden_size)
        weights = self.hidden_size * (self.input_size + self.hidden_size + 1)
        return 4 * {FORWARD: 1, BOTH: 2}[what] * (sequences + weights)

    def arrays(self, seed: int = 0) -> dict[str, Array]:
        """Inputs x, w_ih, w_hh, b and dy, scaled so that states stay of order one."""
        rng = np.random.default_rng(seed)

        def normal(*shape: int, scale: float = 1.0) -> Array:
            return (rng.standard_normal(shape) * scale).astype(np.float32)

        t, b, i, h = self.seq_len, self.batch, self.input_size, self.hidden_size
        return {
            "x": normal(t, b, i),
            "w_ih": normal(h, i, scale=i**-0.5),
            "w_hh": normal(h, h, scale=0.5 * h**-0.5),
            "b": normal(h, scale=0.1),
            "dy": normal(t, b, h),
        }

    def expected(self, arrays: Mapping[str, Array]) -> dict[str, tuple[Array, ...]]:
        """What each pass must give, by the reference in float64."""
        x, w_ih, w_hh, b, dy = (arrays[name].astype(np.float64) for name in ("x", "w_ih", "w_hh", "b", "dy"))
        y, _ = reference.rnn_forward(x, w_ih, w_hh, b, activation=self.activation)
        grads = reference.rnn_backward(dy, x, y, w_ih, w_hh, activation=self.activation)
        return {FORWARD: (y,), BOTH: (y, grads.dx, grads.dw_ih, grads.dw_hh)}

    def record(self) -> dict[str, Any]:
        """As JSON has it; `case_of` reads it."""
        return {"kind": self.kind, **asdict(self)}


PEER_CASES = (
    Case(32, 30, 50, 5, reason="the IMDB seed"),
    Case(32, 80, 50, 5, reason="the IMDB seed with longer reviews"),
    Case(250, 25, 50, 10, reason="the SMS seed"),
    Case(1, 100, 64, 64, reason="latency, weights in the first-level cache"),
    Case(1, 100, 256, 256, reason="latency, weights in the second-level cache"),
    Case(32, 1000, 64, 64, reason="a long sequence"),
    Case(32, 100, 128, 128, reason="medium"),
    Case(32, 100, 256, 256, reason="medium"),
    Case(32, 100, 512, 512, reason="large: weights beyond the second-level cache"),
    Case(64, 50, 1024, 1024, reason="large"),
    Case(32, 50, 1760, 1760, "relu", reason="DeepBench's smallest vanilla layer"),
    Case(1, 1000, 1024, 1024, reason="latency, weights beyond the second-level cache"),
)
