"""Three primitives of JAX: the recurrence, its tangent, which only exists to be transposed, and its gradient.

    forward:  x, w_ih, w_hh, b, h0 [, valid]            -> y, h_n
    tangent:  dx, dw_ih, dw_hh, db, dh0, *residuals     -> dy, dh_n    linear in the first five
    backward: dy, dh_n, *residuals                      -> dx, dw_ih, dw_hh, db, dh0

`residuals` are x, y, w_ih, w_hh, h0 [, valid], and `valid` lengths (B,) of int32 or a mask (T, B) of bool. JAX
transposes the tangent where it needs a gradient: that is the backward pass. These are primitives, and not a custom_vjp,
so that the gradient of a function under vmap is one backward pass over the folded batch, too, which sums up the
gradients of the weights: under custom_vjp each example would need its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from rnnfast import _cpu
from rnnfast.jax.options import Options, attributes


def _primitive(name: str, results: Callable[..., Sequence[Any]]) -> Primitive:
    """A primitive whose results have the shapes and dtypes of what `results` gives for its operands."""
    made = Primitive(name)
    made.multiple_results = True
    compiled = jax.jit(made.bind, static_argnames="options")

    def implementation(*operands: Any, options: Options) -> Any:
        with jax.disable_jit(False):  # there is nothing to run but what is compiled
            return compiled(*operands, options=options)

    made.def_impl(implementation)

    def abstract(*operands: Any, options: Options) -> list[Any]:
        return [jax.core.ShapedArray(value.shape, value.dtype) for value in results(*operands)]

    made.def_abstract_eval(abstract)
    return made


def _like_outputs(x: Any, w_ih: Any, w_hh: Any, b: Any, h0: Any, *valid: Any) -> Sequence[Any]:
    return jax.ShapeDtypeStruct((*x.shape[:2], h0.shape[1]), x.dtype), h0


def _like_tangents(dx: Any, dw_ih: Any, dw_hh: Any, db: Any, dh0: Any, x: Any, y: Any, *others: Any) -> Sequence[Any]:
    return y, dh0


def _like_gradients(dy: Any, dh_n: Any, x: Any, y: Any, w_ih: Any, w_hh: Any, h0: Any, *valid: Any) -> Sequence[Any]:
    return x, w_ih, w_hh, jax.ShapeDtypeStruct(h0.shape[1:], h0.dtype), h0


forward = _primitive("rnnfast_forward", _like_outputs)
tangent = _primitive("rnnfast_tangent", _like_tangents)
backward = _primitive("rnnfast_backward", _like_gradients)


# What runs: a custom call, with the kernels chosen for the shapes that are compiled.
def _lower(name: str, x: int, w_hh: int) -> Callable[..., Any]:
    """The lowering to the custom call of that name; x and w_hh are numbers of its operands."""

    def rule(context: Any, *operands: Any, options: Options) -> Any:
        problem = options.problem(context.avals_in[x], context.avals_in[w_hh])
        return jax.ffi.ffi_lowering(name)(context, *operands, **attributes(problem, options.variant))

    return rule


def _no_derivative(*operands: Any, **parameters: Any) -> Any:
    raise NotImplementedError(
        "rnnfast.jax.rnn: expected a first derivative in reverse mode (grad, vjp), got one in forward mode (jvp) or "
        "the derivative of a gradient"
    )


for _name, _handler in _cpu.jax_handlers().items():
    jax.ffi.register_ffi_target(_name, _handler, platform="cpu")
mlir.register_lowering(forward, _lower("rnnfast_forward", x=0, w_hh=2), platform="cpu")
mlir.register_lowering(backward, _lower("rnnfast_backward", x=2, w_hh=5), platform="cpu")
mlir.register_lowering(tangent, _no_derivative)
tangent.def_impl(_no_derivative)


# Derivatives.
def _jvp(primals: Sequence[Any], tangents: Sequence[Any], *, options: Options) -> tuple[Any, Any]:
    x, w_ih, w_hh, _, h0, *valid = primals
    y, h_n = forward.bind(*primals, options=options)
    linear = [ad.instantiate_zeros(value) for value in tangents[:5]]
    return (y, h_n), tangent.bind(*linear, x, y, w_ih, w_hh, h0, *valid, options=options)


def _transpose(cotangents: Sequence[Any], *operands: Any, options: Options) -> list[Any]:
    residuals = operands[5:]
    gradients = backward.bind(*(ad.instantiate_zeros(value) for value in cotangents), *residuals, options=options)
    return [*gradients, *(None for _ in residuals)]


ad.primitive_jvps[forward] = _jvp
ad.primitive_transposes[tangent] = _transpose
ad.primitive_jvps[backward] = _no_derivative


# vmap: `places` are the axes over which operands are mapped, or None.
def _batch_forward(operands: Sequence[Any], places: Sequence[int | None], *, options: Options) -> tuple[Any, Any]:
    if any(place is not None for place in places[1:4]):  # each example has weights of its own
        return _one_by_one(forward, operands, places, options)
    count = next(value.shape[place] for value, place in zip(operands, places, strict=True) if place is not None)
    batch_axes = (1, None, None, None, 0, _batch_axis_of_valid(operands[5:]))
    folded = [
        value if axis is None else _fold(value, place, axis, count)
        for value, place, axis in zip(operands, places, batch_axes, strict=False)
    ]
    y, h_n = forward.bind(*folded, options=options)
    results = [value.reshape(*value.shape[:axis], count, -1, value.shape[-1]) for value, axis in ((y, 1), (h_n, 0))]
    return results, (1, 0)


def _batch_axis_of_valid(valid: Sequence[Any]) -> int:
    return 1 if valid and valid[0].dtype == jnp.bool_ else 0


def _fold(value: Any, place: int | None, axis: int, count: int) -> Any:
    """The mapped axis, and the one of the batch at `axis`, as one; what is not mapped is repeated."""
    if place is None:
        value = jnp.broadcast_to(jnp.expand_dims(value, axis), (*value.shape[:axis], count, *value.shape[axis:]))
    else:
        value = jnp.moveaxis(value, place, axis)
    return value.reshape(*value.shape[:axis], -1, *value.shape[axis + 2 :])


def _batch_backward(operands: Sequence[Any], places: Sequence[int | None], *, options: Options) -> tuple[Any, Any]:
    # A gradient by weights is wanted for each example, and the kernel sums it up over its batch.
    return _one_by_one(backward, operands, places, options)


def _one_by_one(
    primitive: Primitive, operands: Sequence[Any], places: Sequence[int | None], options: Options
) -> tuple[Any, Any]:
    def one(mapped: Sequence[Any]) -> Any:
        rest = iter(mapped)
        values = [value if place is None else next(rest) for value, place in zip(operands, places, strict=True)]
        return primitive.bind(*values, options=options)

    pairs = zip(operands, places, strict=True)
    results = jax.lax.map(one, [jnp.moveaxis(value, place, 0) for value, place in pairs if place is not None])
    return results, [0] * len(results)


batching.primitive_batchers[forward] = _batch_forward
batching.primitive_batchers[backward] = _batch_backward
batching.primitive_batchers[tangent] = _no_derivative
