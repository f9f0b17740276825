"""Checks of array arguments: every message names the argument, what was expected and what came.

Nothing here writes to an argument. What comes out is in the form that the kernels read: C-contiguous, aligned,
native byte order. An array already in that form comes back as it is; another is copied. `home` is where the arrays
lie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnfast.arguments import check_number
from rnnfast.cell_options import CellOptions
from rnnfast.home import HOST, Home
from rnnfast.problem import ARITHMETIC, Problem
from rnnfast.typing import Array, ArrayLike

# The axes of every array argument but w_hh, in the letters of the design: T, B, I, H.
AXES: dict[str, tuple[str, ...]] = {
    "x": ("T", "B", "I"),
    "w_ih": ("H", "I"),
    "b": ("H",),
    "h0": ("B", "H"),
    "lengths": ("B",),
    "mask": ("T", "B"),
    "y": ("T", "B", "H"),
    "dy": ("T", "B", "H"),
    "dh_n": ("B", "H"),
    "out": ("T", "B", "H"),
    "input_mask": ("B", "I"),
    "recurrent_mask": ("B", "H"),
    "zoneout_mask": ("T", "B", "H"),
    "gain": ("H",),
}
STORED = ("x", "y", "dy", "out")
"""Those of the problem's dtype; other numbers are of that which it computes with."""

SIZE_NAMES = {"T": "seq_len", "B": "batch", "I": "input_size", "H": "hidden_size"}


def as_array(name: str, value: ArrayLike, home: Home = HOST) -> Array:
    """`value` as an array at home without a copy; TypeError unless it is one or speaks DLPack."""
    return home.as_array(name, value)


def sizes(x_shape: tuple[int, ...], w_hh_shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    """The sizes, heads and dtype of a problem, from the shapes of x and w_hh and the name of the dtype of x."""
    forms = {"x": (_axes("x"),), "w_hh": tuple(recurrent_shapes(1, 1))}
    for name, shape, fits in (("x", x_shape, len(x_shape) == 3), ("w_hh", w_hh_shape, _is_recurrent(w_hh_shape))):
        if not fits:
            raise ValueError(f"{name}: expected shape {' or '.join(forms[name])}, got {shape}")
        if 0 in shape:
            raise ValueError(f"{name}: expected {forms[name][0]} of at least 1 each, got {shape}")
    if dtype not in ARITHMETIC:
        raise TypeError(f"x: expected dtype {' or '.join(ARITHMETIC)}, got {dtype}")
    seq_len, batch, input_size = x_shape
    heads = 1 if len(w_hh_shape) == 2 else w_hh_shape[0]
    return {
        "seq_len": seq_len,
        "batch": batch,
        "input_size": input_size,
        "hidden_size": heads * w_hh_shape[2] if len(w_hh_shape) == 3 else w_hh_shape[0],
        "heads": heads,
        "dtype": dtype,
    }


def recurrent_shapes(hidden_size: int, heads: int) -> dict[str, tuple[int, ...]]:
    """The shapes that recurrent weights may have, by name: one block for each head, which may be one or all units."""
    size = hidden_size // heads
    return {
        **({"(hidden_size, hidden_size)": (hidden_size, hidden_size)} if heads == 1 else {}),
        **({"(hidden_size,)": (hidden_size,)} if heads == hidden_size else {}),
        "(heads, hidden_size / heads, hidden_size / heads)": (heads, size, size),
    }


def shapes(problem: Problem, name: str) -> dict[str, tuple[int, ...]]:
    """The shapes that the argument `name` may have, by how they are called; the usual one first."""
    if name == "w_hh":
        return recurrent_shapes(problem.hidden_size, problem.heads)
    return {_axes(name): tuple(getattr(problem, SIZE_NAMES[axis]) for axis in AXES[name])}


def check_shape(problem: Problem, name: str, given: tuple[int, ...]) -> None:
    """ValueError unless the argument `name` may have that shape."""
    expected = shapes(problem, name)
    if given not in expected.values():
        form, shape = next(iter(expected.items()))
        raise ValueError(f"{name}: expected shape {form} = {shape}, got {given}")


def _is_recurrent(shape: tuple[int, ...]) -> bool:
    return len(shape) in (1, 2) or (len(shape) == 3 and shape[1] == shape[2])


def array(problem: Problem, name: str, value: ArrayLike, home: Home = HOST, *, contiguous: bool = True) -> Array:
    """The argument `name` in the form that kernels read; ValueError or TypeError if it does not fit the problem.

    Without `contiguous` it stays in the order of memory that it has.
    """
    given = home.as_array(name, value)
    check_shape(problem, name, given.shape)
    if name == "lengths":
        return home.lengths(given, problem.seq_len)
    if name in ("mask", "zoneout_mask"):
        if given.dtype != np.bool_:
            raise TypeError(f"{name}: expected dtype bool, got {given.dtype}")
        return home.contiguous(given)
    check_dtype(name, given, problem.dtype if name in STORED else problem.arithmetic)
    return home.contiguous(given) if contiguous else given


def array_of(name: str, value: ArrayLike, shape: tuple[int, ...], dtype: str) -> Array:
    """An argument of just that shape and dtype, in the form that kernels read; ValueError or TypeError otherwise."""
    given = as_array(name, value)
    if given.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {given.shape}")
    check_dtype(name, given, dtype)
    return np.require(given, requirements=["C", "A"])


def check_dtype(name: str, given: Array, dtype: str) -> None:
    """TypeError unless it is of that dtype in native byte order; by name, for NumPy alone has no bfloat16."""
    if given.dtype.name != dtype or not given.dtype.isnative:
        raise TypeError(f"{name}: expected dtype {dtype}, got {given.dtype}")


def optional(problem: Problem, name: str, value: ArrayLike | None, home: Home = HOST) -> Array | None:
    """As `array`, and None stays None."""
    return None if value is None else array(problem, name, value, home)


def valid_steps(
    problem: Problem, lengths: ArrayLike | None, mask: ArrayLike | None, home: Home = HOST
) -> dict[str, Array | None]:
    """`lengths` and `mask` by name, checked; ValueError if both are given."""
    if lengths is not None and mask is not None:
        raise ValueError("mask: expected None where lengths are given, got both")
    return {"lengths": optional(problem, "lengths", lengths, home), "mask": optional(problem, "mask", mask, home)}


def cell_options(
    problem: Problem,
    *,
    recurrent_mask: ArrayLike | None = None,
    zoneout_mask: ArrayLike | None = None,
    zoneout: float = 0.0,
    gain: ArrayLike | None = None,
) -> CellOptions | None:
    """The options of the cell, checked; None for a plain one.

    Raises:
        ValueError, TypeError: an array that does not fit the problem, a rate outside 0..1, a rate beside a mask, what
            the plan has no flag for, or no gain where it has layer_norm.
    """
    given = {"recurrent_mask": recurrent_mask, "zoneout_mask": zoneout_mask, "gain": gain}
    rate = check_number("zoneout", zoneout, low=0, high=1)
    for name, option, value in (
        ("recurrent_mask", "recurrent_dropout", recurrent_mask),
        ("zoneout_mask", "zoneout", zoneout_mask),
        ("zoneout", "zoneout", rate or None),
        ("gain", "layer_norm", gain),
    ):
        if value is not None and not getattr(problem, option):
            got = "an array" if value is given.get(name) else value
            raise ValueError(f"{name}: expected none for a plan without {option}=True, got {got}")
    if problem.layer_norm and gain is None:
        raise ValueError("gain: expected an array (hidden_size,) for a plan with layer_norm=True, got None")
    if rate and zoneout_mask is not None:
        raise ValueError(f"zoneout: expected 0 where a zoneout_mask is given, got {rate}")
    if not rate and all(value is None for value in given.values()):
        return None
    arrays = {name: optional(problem, name, value) for name, value in given.items()}
    return CellOptions(**arrays, zoneout=rate, epsilon=float(problem.epsilon))


def output(
    problem: Problem, name: str, value: ArrayLike | None, inputs: dict[str, Array | None], home: Home = HOST
) -> Array | None:
    """A caller's array to write to: of the right form, writeable, and apart from every input."""
    if value is None:
        return None
    if home is HOST and not isinstance(value, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array, got {type(value).__name__}")
    checked = array(problem, name, value, home)
    is_copy = checked is not value
    if is_copy or not home.is_writeable(checked):
        raise ValueError(f"{name}: expected a writeable, aligned, C-contiguous array, got strides {value.strides}")
    for other, given in inputs.items():
        if given is not None and home.overlap(checked, given):
            raise ValueError(f"{name}: expected memory of its own, got an array that overlaps {other}")
    return checked


def forward_arrays(
    problem: Problem,
    x: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    b: ArrayLike,
    *,
    h0: ArrayLike | None,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    out: Array | None,
    contiguous_x: bool = True,
    home: Home = HOST,
) -> dict[str, Any]:
    """The arguments of `rnn_forward` by name, checked; x is left in its order of memory without `contiguous_x`."""
    given: dict[str, Array | None] = {
        "x": array(problem, "x", x, home, contiguous=contiguous_x),
        "w_ih": array(problem, "w_ih", w_ih, home),
        "w_hh": array(problem, "w_hh", w_hh, home),
        "b": array(problem, "b", b, home),
        "h0": optional(problem, "h0", h0, home),
        **valid_steps(problem, lengths, mask, home),
    }
    return {**given, "out": output(problem, "out", out, given, home)}


def backward_arrays(
    problem: Problem,
    dy: ArrayLike | None,
    x: ArrayLike,
    y: ArrayLike,
    w_ih: ArrayLike,
    w_hh: ArrayLike,
    *,
    h0: ArrayLike | None,
    dh_n: ArrayLike | None,
    lengths: ArrayLike | None,
    mask: ArrayLike | None,
    home: Home = HOST,
) -> dict[str, Any]:
    """The arguments of `rnn_backward` by name, checked."""
    return {
        "dy": optional(problem, "dy", dy, home),
        "x": array(problem, "x", x, home),
        "y": array(problem, "y", y, home),
        "w_ih": array(problem, "w_ih", w_ih, home),
        "w_hh": array(problem, "w_hh", w_hh, home),
        "h0": optional(problem, "h0", h0, home),
        "dh_n": optional(problem, "dh_n", dh_n, home),
        **valid_steps(problem, lengths, mask, home),
    }


def _axes(name: str) -> str:
    names = ", ".join(SIZE_NAMES[axis] for axis in AXES[name])
    return f"({names},)" if len(AXES[name]) == 1 else f"({names})"
