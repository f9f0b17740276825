"""The activations: pointwise functions whose derivative follows from their value, and their parameters.

    y = f(a; alpha, beta),   f'(a) = df(y; alpha, beta)

Names, meanings and defaults of alpha and beta are ONNX's where ONNX has the function; docs/semantics.md has them in a
table, with what other frameworks call them. The rules keep to those parameters for which f is monotone, and not flat
where its derivative is not 0: then df exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.configuration import Configurable
from rnnfast.problem import check_option
from rnnfast.typing import Array


class Rule(NamedTuple):
    """What a parameter must be, in words, and whether alpha and beta are so."""

    parameter: str
    words: str
    holds: Callable[[Any, Any], bool]


class Pointwise(NamedTuple):
    """A function f(a, alpha, beta), its derivative df(y, alpha, beta), defaults (None: no such parameter), rules."""

    f: Callable[[Array, Any, Any], Array]
    df: Callable[[Array, Any, Any], Array]
    alpha: float | None = None
    beta: float | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Activation(Configurable):
    """An activation with its parameters: `Activation("leaky_relu", alpha=0.1)`.

    Args:
        name: of the function; docs/semantics.md has them in a table, with what alpha and beta mean.
        alpha, beta: its parameters; None means the default, and is all that a function without them takes.

    Raises:
        ValueError: a name that is not known, a parameter that the function does not have, or one for which the
            derivative does not follow from the value. TypeError: a parameter that is no number.
    """

    name: str
    alpha: float | None = None
    beta: float | None = None

    def __post_init__(self) -> None:
        check_option("name", self.name, tuple(ACTIVATIONS))
        function = ACTIVATIONS[self.name]
        for parameter in ("alpha", "beta"):
            default, value = getattr(function, parameter), getattr(self, parameter)
            if default is None and value is not None:
                raise ValueError(f"{parameter}: expected None for {self.name!r}, which has none, got {value!r}")
            if value is not None:
                value = check_number(parameter, value)
            object.__setattr__(self, parameter, default if value is None else value)
        for rule in function.rules:
            if not rule.holds(self.alpha, self.beta):
                raise ValueError(
                    f"{rule.parameter}: expected {rule.words} for {self.name!r}, got {getattr(self, rule.parameter)}"
                )

    def f(self, a: Array) -> Array:
        """The function of pre-activations of any shape."""
        return ACTIVATIONS[self.name].f(a, self.alpha, self.beta)

    def df(self, y: Array) -> Array:
        """The derivative, in terms of the function's value."""
        return ACTIVATIONS[self.name].df(y, self.alpha, self.beta)

    def rounded_to(self, dtype: str) -> Activation:
        """The same with the parameters that the kernels of a dtype compute with; ValueError if those will not do."""
        alpha, beta = (None if number is None else _in_dtype(number, dtype) for number in (self.alpha, self.beta))
        return Activation(self.name, alpha, beta)


def get(activation: str | Activation, argument: str = "activation") -> Activation:
    """The activation of that name with its defaults, or the object itself; errors name the argument.

    Raises:
        ValueError: a name that is not known. TypeError: neither a name nor an Activation.
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(f"{argument}: expected a name or an Activation, got {activation!r}")
    check_option(argument, activation, tuple(ACTIVATIONS))
    return Activation(activation)


def check_clip(clip: object, dtype: str = "float64") -> float | None:
    """`clip` as a float, or None; ValueError or TypeError unless it is None or a number that is positive in `dtype`."""
    if clip is None:
        return None
    number = check_number("clip", _in_dtype(check_number("clip", clip), dtype))
    if number <= 0:
        raise ValueError(f"clip: expected more than 0, or None, got {clip}")
    return number


def _in_dtype(number: float, dtype: str) -> float:
    """What a dtype holds for a number; infinity beyond its range."""
    with np.errstate(over="ignore"):
        return float(np.dtype(dtype).type(number))


def _sigmoid(a: Array) -> Array:
    # exp of a negative number only: no overflow at either end
    z = np.exp(-np.abs(a))
    return np.where(a >= 0, 1 / (1 + z), z / (1 + z))


def _selu(a: Array, alpha: float, beta: float) -> Array:
    y: Array = beta * np.where(a < 0, alpha * np.expm1(np.minimum(a, 0)), a)
    return y


def _softsign(a: Array) -> Array:
    # infinity counts as the largest number, so that its value is 1
    magnitude = np.minimum(np.abs(a), np.finfo(a.dtype).max)
    y: Array = np.copysign(magnitude / (1 + magnitude), a)
    return y


def _between(y: Array, low: float, high: float) -> Array:
    return ((y > low) & (y < high)).astype(y.dtype)


_NOT_NEGATIVE = Rule("alpha", "at least 0", lambda alpha, beta: alpha >= 0)
_POSITIVE_BETA = Rule("beta", "more than 0", lambda alpha, beta: beta > 0)

# np.where in place of np.maximum: a NaN must come out as a NaN.
ACTIVATIONS: dict[str, Pointwise] = {
    "tanh": Pointwise(lambda a, *_: np.tanh(a), lambda y, *_: 1 - y * y),
    "relu": Pointwise(lambda a, *_: np.where(a < 0, np.zeros_like(a), a), lambda y, *_: (y > 0).astype(y.dtype)),
    "sigmoid": Pointwise(lambda a, *_: _sigmoid(a), lambda y, *_: y * (1 - y)),
    "linear": Pointwise(lambda a, *_: a, lambda y, *_: np.ones_like(y)),
    "leaky_relu": Pointwise(
        lambda a, alpha, _: np.where(a < 0, alpha * a, a),
        lambda y, alpha, _: np.where(y > 0, np.ones_like(y), alpha),
        alpha=0.01,
        rules=(_NOT_NEGATIVE,),
    ),
    "thresholded_relu": Pointwise(
        lambda a, alpha, _: np.where(a <= alpha, np.zeros_like(a), a),
        lambda y, *_: (y > 0).astype(y.dtype),
        alpha=1.0,
        rules=(_NOT_NEGATIVE,),
    ),
    "elu": Pointwise(
        lambda a, alpha, _: _selu(a, alpha, 1),
        lambda y, alpha, _: np.where(y > 0, np.ones_like(y), y + alpha),
        alpha=1.0,
        rules=(_NOT_NEGATIVE,),
    ),
    "selu": Pointwise(
        _selu,
        lambda y, alpha, beta: np.where(y > 0, np.full_like(y, beta), y + alpha * beta),
        alpha=1.6732632423543772848,
        beta=1.0507009873554804934,
        rules=(_NOT_NEGATIVE, _POSITIVE_BETA),
    ),
    "softplus": Pointwise(
        lambda a, _, beta: np.where(a < 0, np.zeros_like(a), a) + np.log1p(np.exp(-np.abs(beta * a))) / beta,
        lambda y, _, beta: -np.expm1(-beta * y),
        beta=1.0,
        rules=(_POSITIVE_BETA,),
    ),
    "softsign": Pointwise(lambda a, *_: _softsign(a), lambda y, *_: (1 - np.abs(y)) ** 2),
    "hard_tanh": Pointwise(
        lambda a, alpha, beta: np.clip(a, alpha, beta),
        lambda y, alpha, beta: _between(y, alpha, beta),
        alpha=-1.0,
        beta=1.0,
        rules=(Rule("beta", "more than alpha", lambda alpha, beta: alpha < beta),),
    ),
    "hard_sigmoid": Pointwise(
        lambda a, alpha, beta: np.clip(alpha * a + beta, 0, 1),
        lambda y, alpha, _: alpha * _between(y, 0, 1),
        alpha=0.2,
        beta=0.5,
    ),
    "scaled_tanh": Pointwise(
        lambda a, alpha, beta: alpha * np.tanh(beta * a),
        lambda y, alpha, beta: (alpha - y) * (alpha + y) * (beta / alpha),
        alpha=1.0,
        beta=1.0,
        rules=(
            Rule("alpha", "another number than 0", lambda alpha, beta: alpha != 0),
            Rule("beta", "another number than 0", lambda alpha, beta: beta != 0),
        ),
    ),
    "affine": Pointwise(
        lambda a, alpha, beta: alpha * a + beta, lambda y, alpha, _: np.full_like(y, alpha), alpha=1.0, beta=0.0
    ),
}
"""By name, in the order in which messages list them."""
