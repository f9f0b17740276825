"""What ONNX calls the activations, as operators of their own and inside the operator RNN."""

from __future__ import annotations

from typing import Any, NamedTuple

from rnnfast import pointwise
from rnnfast.pointwise import ACTIVATIONS, Activation
from rnnfast.typing import Array


class Form(NamedTuple):
    """One activation in ONNX.

    Attributes:
        operator: its name there, as an operator and in the attribute `activations` of RNN.
        parameters: the attributes of the operator that alpha and beta are.
        alone: whether it is an operator.
        in_rnn: whether RNN has it.
    """

    operator: str
    parameters: tuple[str, ...] = ()
    alone: bool = True
    in_rnn: bool = True


FORMS: dict[str, Form] = {
    "tanh": Form("Tanh"),
    "relu": Form("Relu"),
    "sigmoid": Form("Sigmoid"),
    "softsign": Form("Softsign"),
    "softplus": Form("Softplus"),
    "leaky_relu": Form("LeakyRelu", ("alpha",)),
    "thresholded_relu": Form("ThresholdedRelu", ("alpha",)),
    "elu": Form("Elu", ("alpha",)),
    "selu": Form("Selu", ("alpha", "gamma"), in_rnn=False),
    "hard_sigmoid": Form("HardSigmoid", ("alpha", "beta")),
    "affine": Form("Affine", ("alpha", "beta"), alone=False),
    "scaled_tanh": Form("ScaledTanh", ("alpha", "beta"), alone=False),
}
"""By rnnfast's names. Functions and defaults of the parameters are the same on both sides (docs/semantics.md)."""

_IN_RNN = {form.operator.lower(): name for name, form in FORMS.items() if form.in_rnn}


def parameters(activation: Activation) -> tuple[float, ...]:
    """The values that the ONNX attributes of an activation have."""
    values = [value for value in (activation.alpha, activation.beta) if value is not None]
    return tuple(values[: len(FORMS[activation.name].parameters)])


def apply(name: str, a: Array, values: tuple[float, ...]) -> Array:
    """f(a) with these parameters, of any range: there is no way back through an ONNX model."""
    known = ACTIVATIONS[name]
    given = dict(zip(("alpha", "beta"), values, strict=False))
    return known.f(a, given.get("alpha", known.alpha), given.get("beta", known.beta))


def of_rnn(names: list[str], alphas: list[float], betas: list[float]) -> list[Activation]:
    """The activations of an RNN node, whose parameters are handed out in order to those that have any.

    Raises:
        ValueError: a name that RNN does not have; parameters that are out of range or too many.
    """
    given: dict[str, list[float]] = {"alpha": list(alphas), "beta": list(betas)}
    found = []
    for name in names:
        key = _IN_RNN.get(name.lower())
        if key is None:
            known = ", ".join(form.operator for form in FORMS.values() if form.in_rnn)
            raise ValueError(f"activations: expected some of {known}, got {name!r}")
        values: dict[str, Any] = {kind: given[kind].pop(0) for kind in FORMS[key].parameters if given[kind]}
        found.append(Activation(key, **values))
    for kind, left in given.items():
        if left:
            raise ValueError(f"activation_{kind}: expected as many as {names} take, got {left} beyond these")
    return found


def for_rnn(activation: str | Activation) -> tuple[str, dict[str, float]]:
    """The name of an activation inside RNN, and its parameters by name; ValueError where RNN does not have it."""
    given = pointwise.get(activation)
    if given.name == "linear":
        given = Activation("affine")
    form = FORMS.get(given.name)
    if form is None or not form.in_rnn or (given.name == "softplus" and given.beta != 1):
        raise ValueError(f"expected an activation that ONNX's RNN has, got {given}")
    return form.operator, dict(zip(form.parameters, parameters(given), strict=True))
