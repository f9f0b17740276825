"""How weights begin: by name, as Keras spells it, or as an object.

An initializer is called with a shape, a dtype and a NumPy Generator, and draws from nothing else. Shapes are those
of Keras: a kernel is (fan_in, fan_out).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnfast.arguments import check_number, look_up
from rnnfast.configuration import Configurable
from rnnfast.problem import check_option
from rnnfast.typing import Array

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of N(0, 1) cut at -2 and 2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1))."""


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
class VarianceScaling(Initializer):
    """Draws with mean 0 and variance scale / n, where n is a number of inputs or outputs of the weight.

    The two are the first and the last size of a shape, fan_in and fan_out.

    Args:
        scale: above 0.
        mode: "fan_in", "fan_out" or "fan_avg", their mean; n is at least 1.
        distribution: "truncated_normal", within two standard deviations of the normal distribution that is cut;
            "untruncated_normal"; "uniform".
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"

    def __post_init__(self) -> None:
        if check_number("scale", self.scale, low=0) == 0:
            raise ValueError(f"scale: expected above 0, got {self.scale}")
        check_option("mode", self.mode, ("fan_in", "fan_out", "fan_avg"))
        check_option("distribution", self.distribution, ("truncated_normal", "untruncated_normal", "uniform"))

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        fans = {"fan_in": shape[0], "fan_out": shape[-1], "fan_avg": (shape[0] + shape[-1]) / 2}
        variance = self.scale / max(fans[self.mode], 1)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return RandomUniform(-limit, limit)(shape, dtype, rng)
        if self.distribution == "untruncated_normal":
            return RandomNormal(stddev=math.sqrt(variance))(shape, dtype, rng)
        return TruncatedNormal(stddev=math.sqrt(variance) / TRUNCATED_STDDEV)(shape, dtype, rng)


class GlorotNormal(VarianceScaling):
    """Variance 1 / fan_avg, truncated normal (Glorot and Bengio, 2010)."""

    def __init__(self) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal")


class GlorotUniform(VarianceScaling):
    """Variance 1 / fan_avg, uniform (Glorot and Bengio, 2010)."""

    def __init__(self) -> None:
        super().__init__(1.0, "fan_avg", "uniform")


class HeNormal(VarianceScaling):
    """Variance 2 / fan_in, truncated normal (He et al., 2015)."""

    def __init__(self) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal")


class HeUniform(VarianceScaling):
    """Variance 2 / fan_in, uniform (He et al., 2015)."""

    def __init__(self) -> None:
        super().__init__(2.0, "fan_in", "uniform")


class LecunNormal(VarianceScaling):
    """Variance 1 / fan_in, truncated normal (LeCun et al., 1998)."""

    def __init__(self) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal")


class LecunUniform(VarianceScaling):
    """Variance 1 / fan_in, uniform (LeCun et al., 1998)."""

    def __init__(self) -> None:
        super().__init__(1.0, "fan_in", "uniform")


@dataclass(frozen=True)
class TorchRNNUniform(Initializer):
    """U[-1 / sqrt(H), 1 / sqrt(H)) with H the last size of the shape: every weight of torch's `nn.RNN`."""

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        limit = 1 / math.sqrt(shape[-1])
        return RandomUniform(-limit, limit)(shape, dtype, rng)


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


@dataclass(frozen=True)
class PerHead(Initializer):
    """A matrix by `each` for every head: (heads, n, n); or (heads,), a diagonal, where these have one element."""

    each: Initializer

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> Array:
        matrix = shape[1:] or (1, 1)
        return np.stack([self.each(matrix, dtype, rng) for _ in range(shape[0])]).reshape(shape)


KNOWN: dict[str, Callable[[], Initializer]] = {
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "normal": RandomNormal,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "torch_rnn_uniform": TorchRNNUniform,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "variance_scaling": VarianceScaling,
    "zeros": Zeros,
}


def get(name: str, initializer: str | Initializer) -> Initializer:
    """The initializer that the argument `name` asks for, by its Keras name or as an object.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor an Initializer.
    """
    return look_up(name, initializer, Initializer, KNOWN)


def _check_matrix(initializer: Initializer, shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise ValueError(f"shape: expected two axes for {type(initializer).__name__}, got {shape}")
