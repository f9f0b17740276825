"""The compiled kernels against the specification, for every instruction set that runs here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_checks import (
    EPSILON,
    KERNELS,
    check,
    check_bits,
    computed,
    expected,
    random_arguments,
)

from rnnfast import _cpu, backends, pointwise, set_num_threads
from rnnfast.backends import cost
from rnnfast.backends.cpu import VARIANTS, CpuPlan
from rnnfast.pointwise import ACTIVATIONS, Activation
from rnnfast.problem import CELL_OPTIONS, MASKED_OUTPUTS, Problem


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("hidden_size", [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 25, 31, 33])
def test_sizes_around_the_vector_width(hidden_size: int, activation: str, dtype: str, kernel: tuple[str, str]) -> None:
    problem = Problem(5, 7, hidden_size + 2, hidden_size, dtype, activation)
    check(problem, random_arguments(problem, hidden_size, h0=True, lengths=False, dy=True, dh_n=True), kernel)


# Without the one that jumps: where rounding takes a pre-activation over the jump, every later state is another.
CONTINUOUS = sorted(set(ACTIVATIONS) - {"thresholded_relu"})


PARAMETERS = [
    Activation("leaky_relu", alpha=0.3),
    Activation("thresholded_relu", alpha=0.2),
    Activation("elu", alpha=0.4),
    Activation("selu", alpha=0.6, beta=0.8),
    Activation("softplus", beta=2.5),
    Activation("hard_tanh", alpha=-0.2, beta=0.7),
    Activation("hard_sigmoid", alpha=-0.3, beta=0.4),
    Activation("scaled_tanh", alpha=-1.2, beta=0.6),
    Activation("affine", alpha=-0.6, beta=0.3),
    Activation("affine", alpha=0.0, beta=0.3),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip", [None, 0.8])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, *PARAMETERS], ids=str)
def test_parameters_and_clip(
    activation: str | Activation, clip: float | None, dtype: str, kernel: tuple[str, str]
) -> None:
    for reverse, lengths in ((False, False), (True, True)):
        problem = Problem(6, 19, 5, 18, dtype, activation, reverse, clip=clip)
        check(problem, random_arguments(problem, 11, h0=True, lengths=lengths, dy=True, dh_n=True), kernel)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [*ACTIVATIONS, *PARAMETERS], ids=str)
def test_a_clamped_step_has_no_gradient(activation: str | Activation, dtype: str, kernel: tuple[str, str]) -> None:
    """At and beyond the bound, to the bit, from the kernel's own output; inside it what the value says."""
    problem = Problem(1, 41, 1, 1, dtype, activation, clip=0.75)
    a = np.linspace(-1.25, 1.25, 41, dtype=dtype)
    one, zero = np.ones((1, 1), dtype), np.zeros((1, 1), dtype)
    plan = CpuPlan(problem, "cpu", *kernel)
    y, _ = plan.forward(a.reshape(1, 41, 1), one, zero, zero[0])
    dx = plan.backward(np.ones_like(y), a.reshape(1, 41, 1), y, one, zero).dx.ravel()
    slope = pointwise.get(activation).df(y.ravel())
    np.testing.assert_allclose(dx, np.where(np.abs(a) < 0.75, slope, 0), rtol=1e-5, atol=0)
    assert (dx[np.abs(a) >= 0.75] == 0).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("seq_len", "batch", "input_size", "hidden_size"),
    [
        (1, 1, 1, 1),
        (1, 33, 50, 5),
        (300, 1, 9, 70),
        (40, 13, 1, 64),
        (3, 300, 20, 10),  # more rows in a step than a chunk has
        (9, 32, 130, 257),  # one column beyond a group of the weight gradient
        (4, 31, 300, 515),  # panels deeper than the first-level cache
    ],
)
def test_shapes(
    seq_len: int, batch: int, input_size: int, hidden_size: int, dtype: str, kernel: tuple[str, str]
) -> None:
    problem = Problem(seq_len, batch, input_size, hidden_size, dtype)
    if not cost.accepts(problem, kernel[0]):
        pytest.skip(f"{kernel[0]} does not take {hidden_size} hidden units")
    check(problem, random_arguments(problem, 1, h0=True, lengths=True, dy=True, dh_n=True), kernel)


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_dx_the_rest_is_the_same(dtype: str, lengths: bool, kernel: tuple[str, str]) -> None:
    problem = Problem(9, 21, 5, 18, dtype, reverse=lengths)
    a = random_arguments(problem, 12, h0=True, lengths=lengths, dy=True, dh_n=True)
    plan = CpuPlan(problem, "cpu", *kernel)
    y, _ = plan.forward(a["x"], a["w_ih"], a["w_hh"], a["b"], h0=a["h0"], lengths=a["lengths"])
    arguments = a["dy"], a["x"], y, a["w_ih"], a["w_hh"]
    options = {name: a[name] for name in ("h0", "dh_n", "lengths")}
    whole, rest = (plan.backward(*arguments, **options, wants_dx=wants) for wants in (True, False))
    assert rest.dx is None
    for name in ("dw_ih", "dw_hh", "db", "dh0"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(whole, name), err_msg=name)


@settings(max_examples=300, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 20), st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(["float32", "float64"]),
    activation=st.sampled_from(CONTINUOUS),
    reverse=st.booleans(),
    bptt_steps=st.none() | st.integers(1, 5),
    clip=st.none() | st.floats(0.25, 4),
    masked_output=st.sampled_from(MASKED_OUTPUTS),
    given_arrays=st.fixed_dictionaries({name: st.booleans() for name in ("h0", "lengths", "mask", "dy", "dh_n")}),
    seed=st.integers(0, 2**32 - 1),
    threads=st.integers(1, 4),
    kernel=st.sampled_from(KERNELS),
    head_of=st.none() | st.integers(0, 39),
    cell=st.fixed_dictionaries({name: st.booleans() for name in CELL_OPTIONS}),
)
def test_any_option(
    sizes: tuple[int, int, int, int],
    dtype: str,
    activation: str,
    reverse: bool,
    bptt_steps: int | None,
    clip: float | None,
    masked_output: str,
    given_arrays: dict[str, bool],
    seed: int,
    threads: int,
    kernel: tuple[str, str],
    head_of: int | None,
    cell: dict[str, bool],
) -> None:
    divisors = [n for n in range(1, sizes[3] + 1) if sizes[3] % n == 0]
    heads = divisors[head_of % len(divisors)] if head_of is not None and kernel[0] == "panel" else 1
    options: dict[str, Any] = {"clip": clip, "masked_output": masked_output, "heads": heads, "epsilon": EPSILON}
    if kernel[0] == "panel":
        options |= cell
    problem = Problem(*sizes, dtype, activation, reverse, bptt_steps, **options)
    set_num_threads(threads)
    check(problem, random_arguments(problem, seed, **given_arrays), kernel)


# More steps than a window of masked steps has, and a depth beyond one block, for lanes in the input alone.
@pytest.mark.parametrize("sizes", [(70, 37, 300, 150), (3, 20, 700, 600)], ids=["long", "deep"])
@pytest.mark.parametrize("masked", [{"lengths": True}, {"mask": True}], ids=["lengths", "mask"])
@pytest.mark.parametrize("heads", ["one", "three", "all"])
def test_bits_depend_neither_on_threads_nor_on_alignment(
    heads: str, masked: dict[str, bool], sizes: tuple[int, int, int, int], kernel: tuple[str, str]
) -> None:
    seq_len, batch, input_size, hidden_size = sizes
    hidden_size = min(hidden_size, 50) if kernel[0] == "lanes" else hidden_size
    count = {"one": 1, "three": 3, "all": hidden_size}[heads]
    if count > 1 and kernel[0] != "panel":
        pytest.skip(f"{kernel[0]} takes no heads")
    problem = Problem(seq_len, batch, input_size, hidden_size, bptt_steps=7, heads=count)
    check_bits(problem, random_arguments(problem, 3, h0=True, dy=True, dh_n=True, **masked), kernel)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_nan_and_infinity_come_out(activation: str, value: float, kernel: tuple[str, str]) -> None:
    problem = Problem(3, 9, 17, 19, activation=activation)
    a = random_arguments(problem, 5, h0=False, lengths=False, dy=True, dh_n=False)
    a["x"][1, 4, 16] = value
    with np.errstate(all="ignore"):
        right = expected(problem, a)
    y, _ = CpuPlan(problem, "cpu", *kernel).forward(a["x"], a["w_ih"], a["w_hh"], a["b"])
    np.testing.assert_allclose(y, right["y"], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(right["y"]))


def test_float32_is_as_accurate_as_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed (extra: peers)")
    for hidden_size in (5, 64, 256):
        problem = Problem(50, 16, 40, hidden_size)
        a = random_arguments(problem, 6, h0=False, lengths=False, dy=True, dh_n=False)
        right = expected(problem, a)
        ours = computed(CpuPlan(problem, "cpu", "panel"), a)
        layer = torch.nn.RNN(40, hidden_size)
        with torch.no_grad():
            for parameter, value in zip(
                layer.parameters(), (a["w_ih"], a["w_hh"], a["b"], np.zeros_like(a["b"])), strict=True
            ):
                parameter.copy_(torch.from_numpy(value))
        x = torch.from_numpy(a["x"]).requires_grad_()
        y, _ = layer(x)
        y.backward(torch.from_numpy(a["dy"]))
        theirs = {
            "y": y.detach(),
            "dx": x.grad,
            "dw_ih": layer.weight_ih_l0.grad,
            "dw_hh": layer.weight_hh_l0.grad,
            "db": layer.bias_ih_l0.grad,
        }
        for name, their in theirs.items():
            our_error, their_error = (np.abs(np.asarray(v) - right[name]).max() for v in (ours[name], their))
            assert our_error <= 2 * their_error, f"{name} at hidden size {hidden_size}"


def test_the_backend_is_registered() -> None:
    assert backends()[0] == ("cpu", None)
    assert [variant.name for variant in VARIANTS] == _cpu.variant_names()
