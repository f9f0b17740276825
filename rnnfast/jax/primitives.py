"""Three primitives of JAX: the recurrence, its tangent, which only exists to be transposed, and its gradient.

    forward:  x, w_ih, w_hh, b, h0 [, others]                -> y, h_n
    tangent:  [dx, dw_ih, dw_hh, db, dh0,] *residuals        -> dy, dh_n    linear in those in brackets
    backward: [dy, dh_n,] *residuals                         -> [dx,] dw_ih, dw_hh, db, dh0    dx flat

`residuals` are x, y, w_ih, w_hh, h0 [, others], and `others` lengths (B,) of int32 or a mask (T, B) of bool, and a
recurrent_mask (B, H). The parameter `names` lists the operands; what is zero, or not asked for, is left out. JAX
transposes the tangent where it needs a gradient: that is the backward pass. These are primitives, and not a custom_vjp,
so that the gradient of a function under vmap is one backward pass over the folded batch, too, which sums up the
gradients of the weights: under custom_vjp each example would need its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir

from rnnfast import _cpu
from rnnfast.jax.options import Options, attributes
from rnnfast.jax.varying import shaped_like

INPUTS = ("x", "w_ih", "w_hh", "b", "h0")
GRADIENTS = tuple(f"d{name}" for name in INPUTS)
RESIDUALS = ("x", "y", "w_ih", "w_hh", "h0")


def _primitive(name: str, results: Callable[..., dict[str, Any]]) -> Primitive:
    """A primitive whose results have the shapes and dtypes of what `results` gives for its operands, by their names."""
    made = Primitive(name)
    made.multiple_results = True
    compiled = jax.jit(made.bind, static_argnames=("names", "options", "wants_dx"))

    def implementation(*operands: Any, **parameters: Any) -> Any:
        with jax.disable_jit(False):  # there is nothing to run but what is compiled
            return compiled(*operands, **parameters)

    made.def_impl(implementation)

    def abstract(*operands: Any, names: tuple[str, ...], **parameters: Any) -> list[Any]:
        given = dict(zip(names, operands, strict=True))
        return [shaped_like(given["w_hh"], shape) for shape in results(given, **parameters).values()]

    made.def_abstract_eval(abstract)
    return made


def _outputs(given: dict[str, Any], **parameters: Any) -> dict[str, tuple[int, ...]]:
    state = given["h0"].shape
    return {"y": (*given["x"].shape[:2], state[1]), "h_n": state}


def _gradients(given: dict[str, Any], *, wants_dx: bool, **parameters: Any) -> dict[str, tuple[int, ...]]:
    weights = {f"d{name}": given[name].shape for name in ("w_ih", "w_hh")}
    state = given["h0"].shape
    return {**({"dx": (given["x"].size,)} if wants_dx else {}), **weights, "db": state[1:], "dh0": state}


def _dx_batch_first(names: Sequence[str], options: Options) -> bool:
    """Whether dx comes in the order of batch, time, inputs; the kernels do that where no step is masked."""
    return options.batch_first and not {"lengths", "mask"} & set(names)


forward = _primitive("rnnfast_forward", _outputs)
tangent = _primitive("rnnfast_tangent", _outputs)
backward = _primitive("rnnfast_backward", _gradients)


# What runs: a custom call, with the kernels chosen for the shapes that are compiled.
def _lower(name: str, results: Callable[..., dict[str, Any]]) -> Callable[..., Any]:
    """The lowering to the custom call of that name."""

    def rule(context: Any, *operands: Any, names: tuple[str, ...], options: Options, **parameters: Any) -> Any:
        given = dict(zip(names, context.avals_in, strict=True))
        made = results(given, **parameters)
        problem = options.problem(given["x"], given["w_hh"], recurrent_dropout="recurrent_mask" in given)
        lowering = jax.ffi.ffi_lowering(
            name,
            operand_layouts=[_layout(each, len(aval.shape), options) for each, aval in given.items()],
            result_layouts=[_layout(each, len(shape), options) for each, shape in made.items()],
        )
        return lowering(
            context,
            *operands,
            operands=" ".join(names),
            results=" ".join(made),
            dx_batch_first=np.int64(_dx_batch_first(names, options)),
            **attributes(problem, options.variant),
        )

    return rule


def _layout(name: str, axes: int, options: Options) -> tuple[int, ...]:
    """Its axes from the one that varies fastest in memory to the slowest; time is the slowest for the kernels."""
    return options.time_first(name, tuple(range(axes)))[::-1]


def no_derivative(*operands: Any, **parameters: Any) -> Any:
    raise NotImplementedError(
        "rnnfast.jax.rnn: expected a first derivative in reverse mode (grad, vjp), got one in forward mode (jvp) or "
        "the derivative of a gradient"
    )


for _name, _handler in _cpu.jax_handlers().items():
    jax.ffi.register_ffi_target(_name, _handler, platform="cpu")
mlir.register_lowering(forward, _lower("rnnfast_forward", _outputs), platform="cpu")
mlir.register_lowering(backward, _lower("rnnfast_backward", _gradients), platform="cpu")
mlir.register_lowering(tangent, no_derivative)
tangent.def_impl(no_derivative)


# Derivatives.
def _jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, names: tuple[str, ...], options: Options
) -> tuple[Any, Any]:
    outputs = forward.bind(*primals, names=names, options=options)
    nonzero = {f"d{name}": value for name, value in zip(names, tangents, strict=True) if type(value) is not ad.Zero}
    if "drecurrent_mask" in nonzero:
        raise NotImplementedError("recurrent_mask: expected a constant, got one that a derivative is taken by")
    linear = {name: nonzero[name] for name in GRADIENTS if name in nonzero}
    given = {**dict(zip(names, primals, strict=True)), "y": outputs[0]}
    kept = {name: given[name] for name in (*RESIDUALS, *names[len(INPUTS) :])}
    if not linear:  # of lengths or a mask alone
        return outputs, [ad.Zero.from_primal_value(value) for value in outputs]
    return outputs, tangent.bind(*linear.values(), *kept.values(), names=(*linear, *kept), options=options)


def _transpose(cotangents: Sequence[Any], *operands: Any, names: tuple[str, ...], options: Options) -> list[Any]:
    by_name = dict(zip(("dy", "dh_n"), cotangents, strict=True))
    nonzero = {name: value for name, value in by_name.items() if type(value) is not ad.Zero}
    residuals = {name: value for name, value in zip(names, operands, strict=True) if name not in GRADIENTS}
    wants_dx = "dx" in names
    results = backward.bind(
        *nonzero.values(), *residuals.values(), names=(*nonzero, *residuals), options=options, wants_dx=wants_dx
    )
    gradients = dict(zip(GRADIENTS if wants_dx else GRADIENTS[1:], results, strict=True))
    if wants_dx:
        gradients["dx"] = _shaped(gradients["dx"], residuals["x"], names, options)
    return [gradients.get(name) for name in names]


def _shaped(dx: Any, x: Any, names: Sequence[str], options: Options) -> Any:
    """A flat dx as x is: flat, for XLA copies an array of three axes on its way into the gradient of a lookup."""
    if _dx_batch_first(names, options):
        return dx.reshape(x.shape)
    in_time = dx.reshape(options.time_first("x", x.shape))
    return in_time.swapaxes(0, 1) if options.batch_first else in_time


ad.primitive_jvps[forward] = _jvp
ad.primitive_transposes[tangent] = _transpose
ad.primitive_jvps[backward] = no_derivative
