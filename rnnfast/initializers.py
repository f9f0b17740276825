"""How weights begin: by name, as Keras spells it, or as an object.

An initializer is called with a shape, a dtype and a NumPy Generator, and draws from nothing else. Shapes are those
of Keras: a kernel is (fan_in, fan_out).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.configuration import Configurable
from rnnfast.problem import check_option
from rnnfast.typing import Array


class Initializer(Configurable, ABC):
    """Fills a new weight."""

    @abstractmethod
    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        """A new C-contiguous array of that shape and dtype, drawn from `rng` where it is random."""


@dataclass(frozen=True)
class Constant(Initializer):
    """Every element `value`."""

    value: float = 0.0

    def __post_init__(self) -> None:
        check_number("value", self.value)

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        return np.full(shape, self.value, dtype)


class Zeros(Constant):
    """Every element 0."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Every element 1."""

    def __init__(self) -> None:
        super().__init__(1.0)


@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Independent draws from N(mean, stddev^2)."""

    mean: float = 0.0
    stddev: float = 0.05

    def __post_init__(self) -> None:
        check_number("mean", self.mean)
        check_number("stddev", self.stddev, low=0)

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        return rng.normal(self.mean, self.stddev, shape).astype(dtype)


class TruncatedNormal(RandomNormal):
    """As RandomNormal, where a draw further than two `stddev` from the mean is drawn again."""

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        draws = rng.standard_normal(shape)
        while (outside := np.abs(draws) > 2).any():
            draws[outside] = rng.standard_normal(np.count_nonzero(outside))
        return (self.mean + self.stddev * draws).astype(dtype)


@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Independent draws from U[minval, maxval)."""

    minval: float = -0.05
    maxval: float = 0.05

    def __post_init__(self) -> None:
        check_number("minval", self.minval)
        check_number("maxval", self.maxval, low=self.minval)

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        return rng.uniform(self.minval, self.maxval, shape).astype(dtype)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """U[-l, l) with l = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010)."""

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        limit = np.sqrt(6 / (shape[0] + shape[-1]))
        return rng.uniform(-limit, limit, shape).astype(dtype)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """`gain` times a random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al., 2014)."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number("gain", self.gain)

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        _check_matrix(self, shape)
        q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
        q *= np.where(np.diagonal(r) < 0, -1, 1)  # without it, Q would not be uniform over the orthogonal group
        return np.ascontiguousarray(self.gain * (q if shape[0] >= shape[1] else q.T), dtype)


@dataclass(frozen=True)
class Identity(Initializer):
    """`gain` on the main diagonal, 0 elsewhere; with relu, the start of Le, Jaitly and Hinton (2015)."""

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number("gain", self.gain)

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        _check_matrix(self, shape)
        value = np.zeros(shape, dtype)
        np.fill_diagonal(value, self.gain)
        return value


KNOWN: dict[str, Callable[[], Initializer]] = {
    "constant": Constant,
    "glorot_uniform": GlorotUniform,
    "identity": Identity,
    "normal": RandomNormal,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "zeros": Zeros,
}


def get(name: str, initializer: str | Initializer) -> Initializer:
    """The initializer that the argument `name` asks for, by its Keras name or as an object.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor an Initializer.
    """
    if isinstance(initializer, Initializer):
        return initializer
    if not isinstance(initializer, str):
        raise TypeError(f"{name}: expected a name or an Initializer, got {initializer!r}")
    check_option(name, initializer, tuple(KNOWN))
    return KNOWN[initializer]()


def _check_matrix(initializer: Initializer, shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise ValueError(f"shape: expected two axes for {type(initializer).__name__}, got {shape}")
