"""The compiled kernels against the specification, for every instruction set that runs here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

import rnnfast
from rnnfast import _cpu, backends, pointwise, reference, set_num_threads
from rnnfast.backends import cost
from rnnfast.backends.cpu import VARIANTS, CpuPlan
from rnnfast.checks import recurrent_shapes
from rnnfast.pointwise import ACTIVATIONS, Activation
from rnnfast.problem import CELL_OPTIONS, MASKED_OUTPUTS, Problem
from rnnfast.reference import Gradients

# Of the largest element of each result, which is a sum of terms of its size.
TOLERANCE = {"float32": 3e-6, "float64": 1e-14}
EPSILON = 0.5
"""For layer normalisation: with much less, and few units, rounding grows beyond the tolerance from step to step."""
PANEL = [("panel", isa) for isa in _cpu.supported_isas()]
KERNELS = [(variant.name, isa) for variant in VARIANTS if variant.name != "tiles" for isa in _cpu.supported_isas()]
"""Every variant of true float32 and float64 for every instruction set that runs here; tiles: test_tiles.py."""


def random_arguments(
    problem: Problem, seed: int, *, h0: bool, dy: bool, dh_n: bool, lengths: bool = False, mask: bool = False
) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(problem.dtype)

    return {
        "x": normal(t, b, i),
        "w_ih": normal(h, i, scale=i**-0.5),
        "w_hh": normal(
            *next(iter(recurrent_shapes(h, problem.heads).values())), scale=0.7 * (h / problem.heads) ** -0.5
        ),
        "b": normal(h),
        "h0": normal(b, h) if h0 else None,
        "lengths": rng.integers(0, t + 1, b) if lengths else None,
        "mask": rng.random((t, b)) < rng.random(b) if mask and not lengths else None,  # from all to none of a sequence
        "dy": normal(t, b, h) if dy else None,
        "dh_n": normal(b, h) if dh_n else None,
        "recurrent_mask": normal(b, h) if problem.recurrent_dropout else None,
        "zoneout_mask": rng.random((t, b, h)) < 0.4 if problem.zoneout else None,
        "gain": normal(h) if problem.layer_norm else None,
    }


CELL = ("recurrent_mask", "zoneout_mask", "gain")


def results(y: np.ndarray, h_n: np.ndarray, grads: Gradients) -> dict[str, np.ndarray]:
    """By name, without what is None."""
    found = {"y": y, "h_n": h_n, **grads._asdict()}
    return {name: value for name, value in found.items() if value is not None}


def expected(problem: Problem, a: dict[str, Any]) -> dict[str, np.ndarray]:
    """Everything in float64, by name."""
    wide = {name: v.astype(np.float64) if v is not None and v.dtype.kind == "f" else v for name, v in a.items()}
    options = {name: getattr(problem, name) for name in ("activation", "clip", "reverse", "masked_output", "epsilon")}
    initial = {name: wide[name] for name in ("h0", "lengths", "mask", *CELL)}
    y, h_n = reference.rnn_forward(wide["x"], wide["w_ih"], wide["w_hh"], wide["b"], **initial, **options)
    grads = reference.rnn_backward(
        wide["dy"],
        wide["x"],
        y,
        wide["w_ih"],
        wide["w_hh"],
        dh_n=wide["dh_n"],
        bptt_steps=problem.bptt_steps,
        **initial,
        **options,
    )
    return results(y, h_n, grads)


def computed(plan: CpuPlan, a: dict[str, Any], y: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """By name; the gradients at `y`, by default at the outputs that the plan computes itself."""
    initial = {name: a[name] for name in ("h0", "lengths", "mask", *CELL)}
    out, h_n = plan.forward(a["x"], a["w_ih"], a["w_hh"], a["b"], **initial)
    grads = plan.backward(a["dy"], a["x"], out if y is None else y, a["w_ih"], a["w_hh"], dh_n=a["dh_n"], **initial)
    return results(out, h_n, grads)


def outputs_for(problem: Problem, kernel: tuple[str, str], right: np.ndarray) -> np.ndarray:
    """The right outputs in the kernel's dtype; with clip, those of clamped steps and no others as it rounds them."""
    y = right.astype(problem.dtype)
    if problem.clip is None:
        return y
    one = Problem(1, 2, 1, 1, problem.dtype, problem.activation, clip=problem.clip)
    zero = np.zeros((1, 1), problem.dtype)
    ends = np.array([-problem.clip, problem.clip]).reshape(1, 2, 1)
    inside, _ = CpuPlan(one, "cpu", *kernel).forward(ends.astype(problem.dtype), zero + 1, zero, zero[0])
    low, high = np.sort(inside.ravel())
    right_low, right_high = np.sort(pointwise.get(problem.activation).f(ends).ravel())
    if low < high:  # beyond the ends there are states alone that zoneout kept
        between = np.clip(y, np.nextafter(low, high), np.nextafter(high, low))
        y = np.where((right_low < right) & (right < right_high), between, y)
    return np.where(right == right_low, low, np.where(right == right_high, high, y))


def check(problem: Problem, a: dict[str, Any], kernel: tuple[str, str]) -> None:
    plan = CpuPlan(problem, "cpu", *kernel)
    right = expected(problem, a)
    for name, value in computed(plan, a, outputs_for(problem, kernel, right["y"])).items():
        assert value.dtype == problem.dtype
        scale = 1 + np.abs(right[name]).max()
        np.testing.assert_allclose(value, right[name], rtol=0, atol=TOLERANCE[problem.dtype] * scale, err_msg=name)


@pytest.fixture(params=KERNELS, ids="-".join)
def kernel(request: pytest.FixtureRequest) -> tuple[str, str]:
    variant, isa = request.param
    return variant, isa


@pytest.fixture(params=_cpu.supported_isas())
def isa(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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
        (9, 32, 130, 129),  # one column beyond a group of the weight gradient
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("hidden_size", "heads"),
    [
        *((12, heads) for heads in (2, 3, 4, 6, 12)),
        (35, 5),
        (37, 37),
        (96, 3),
        (266, 2),  # parts of a head in a group of the weight gradient
        (280, 7),  # whole heads in one, fewer in the last
        (300, 150),
        (300, 300),
        (1040, 2),  # panels deeper than the first-level cache
    ],
)
def test_heads(hidden_size: int, heads: int, dtype: str, isa: str) -> None:
    for batch, reverse, masked in (
        (1, False, {}),
        (33, False, {}),
        (33, True, {"lengths": True}),
        (9, False, {"mask": True}),
    ):
        problem = Problem(6, batch, 20, hidden_size, dtype, reverse=reverse, bptt_steps=4, heads=heads)
        a = random_arguments(problem, hidden_size + heads, h0=True, dy=True, dh_n=True, **masked)
        check(problem, a, ("panel", isa))


@pytest.mark.parametrize("heads", [1, 2, 4, 8, 24])
def test_heads_are_the_dense_matrix_with_these_blocks(heads: int, isa: str) -> None:
    problem, dense = (Problem(7, 13, 10, 24, "float64", heads=n) for n in (heads, 1))
    a = random_arguments(problem, 12, h0=True, lengths=True, dy=True, dh_n=True)
    matrix = block_diag(*reference.blocks(a["w_hh"]))
    right = computed(CpuPlan(dense, "cpu", "panel", isa), {**a, "w_hh": matrix})
    right["dw_hh"] = blocks_of(right["dw_hh"], heads).reshape(a["w_hh"].shape)
    for name, value in computed(CpuPlan(problem, "cpu", "panel", isa), a).items():
        np.testing.assert_allclose(value, right[name], rtol=1e-13, atol=1e-13, err_msg=name)


def blocks_of(matrix: np.ndarray, heads: int) -> np.ndarray:
    size = len(matrix) // heads
    return np.stack([matrix[k : k + size, k : k + size] for k in range(0, len(matrix), size)])


@pytest.mark.parametrize("heads", [3, 12])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_head(value: float, heads: int, isa: str) -> None:
    problem = Problem(4, 9, 5, 12, activation="relu", heads=heads)
    a = random_arguments(problem, 13, h0=True, dy=True, dh_n=True)
    plan = CpuPlan(problem, "cpu", "panel", isa)
    right = computed(plan, a)
    a["h0"][:, 3] = value
    others = np.arange(12) // (12 // heads) != 3 // (12 // heads)
    other_heads = others[:: 12 // heads]
    spoilt = computed(plan, a)
    for name in ("y", "h_n", "dh0"):
        np.testing.assert_array_equal(spoilt[name][..., others], right[name][..., others], err_msg=name)
    for name, kept in (("dw_ih", others), ("db", others), ("dw_hh", other_heads)):
        np.testing.assert_array_equal(spoilt[name][kept], right[name][kept], err_msg=name)


@pytest.mark.parametrize(("heads", "others"), [(1, [(1, 5, 5), (5, 5)]), (5, [(5, 1, 1), (5,)])])
def test_weights_in_every_shape_give_the_same_bits(heads: int, others: list[tuple[int, ...]]) -> None:
    problem = Problem(4, 3, 2, 5, heads=heads)
    a = random_arguments(problem, 14, h0=True, dy=True, dh_n=True)
    plan = CpuPlan(problem, "cpu", "panel")
    right = computed(plan, a)
    for shape in others:
        given = computed(plan, {**a, "w_hh": a["w_hh"].reshape(shape)})
        assert given["dw_hh"].shape == shape
        for name, value in given.items():
            np.testing.assert_array_equal(value.reshape(right[name].shape), right[name], err_msg=name)


@pytest.mark.parametrize("variant", ["lanes", "stationary", "tiles"])
def test_variants_that_take_no_heads_say_so(variant: str) -> None:
    sizes: dict[str, Any] = {"seq_len": 4, "batch": 3, "input_size": 2, "hidden_size": 6, "heads": 2}
    with pytest.raises(ValueError, match=rf"^variant: '{variant}' takes .*heads=1.*, got .*heads=2"):
        rnnfast.plan(**sizes, variant=variant, precision="medium")
    for precision in ("highest", "high"):
        assert rnnfast.plan(**sizes, precision=precision).variant == "panel"
    assert "runs in true float32" in rnnfast.plan(**sizes, precision="high").explain()


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


def check_bits(problem: Problem, a: dict[str, Any], kernel: tuple[str, str]) -> None:
    plan = CpuPlan(problem, "cpu", *kernel)
    set_num_threads(1)
    right = computed(plan, a)
    for threads in (1, 2, 3, 8):
        set_num_threads(threads)
        for name, value in computed(plan, {name: shifted(v) for name, v in a.items()}).items():
            np.testing.assert_array_equal(value, right[name], err_msg=f"{name} with {threads} threads")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", ["lengths", "mask"])
def test_masked_steps_over_several_windows(masked: str, reverse: bool, kernel: tuple[str, str]) -> None:
    problem = Problem(900, 33, 8, 12, reverse=reverse, bptt_steps=40, masked_output="hold")
    assert CpuPlan(problem, "cpu", *kernel).window_steps < 800
    a = random_arguments(problem, 8, h0=True, dy=True, dh_n=True, **{masked: True})
    if masked == "mask":
        a["mask"][20:890, :9] = False  # a hole of whole windows
    check(problem, a, kernel)


def test_a_mask_without_holes_is_those_lengths_to_the_bit(kernel: tuple[str, str]) -> None:
    problem = Problem(20, 9, 11, 13)
    a = random_arguments(problem, 7, h0=True, lengths=True, dy=True, dh_n=True)
    right = computed(CpuPlan(problem, "cpu", *kernel), a)
    spelled_out = {**a, "lengths": None, "mask": np.arange(20)[:, None] < a["lengths"]}
    for name, value in computed(CpuPlan(problem, "cpu", *kernel), spelled_out).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_mask_of_all_steps_is_none_to_the_bit(reverse: bool, kernel: tuple[str, str]) -> None:
    problem = Problem(900, 33, 8, 12, reverse=reverse, bptt_steps=7)
    a = random_arguments(problem, 7, h0=True, dy=True, dh_n=True)
    right = computed(CpuPlan(problem, "cpu", *kernel), a)
    for name, value in computed(CpuPlan(problem, "cpu", *kernel), {**a, "mask": np.ones((900, 33), bool)}).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


def shifted(array: np.ndarray | None) -> np.ndarray | None:
    """A copy that begins one element past an aligned address."""
    if array is None:
        return None
    return np.concatenate([array.ravel()[:1], array.ravel()])[1:].reshape(array.shape)


@pytest.mark.parametrize("masked_output", MASKED_OUTPUTS)
@pytest.mark.parametrize("masked", ["lengths", "mask"])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_lies_at_masked_steps_is_never_used(
    reverse: bool, masked: str, masked_output: str, kernel: tuple[str, str]
) -> None:
    problem = Problem(8, 9, 11, 13, reverse=reverse, masked_output=masked_output)
    a = random_arguments(problem, 4, h0=True, dy=True, dh_n=True, **{masked: True})
    plan = CpuPlan(problem, "cpu", *kernel)
    right = computed(plan, a)
    invalid = np.arange(8)[:, None] >= a["lengths"] if masked == "lengths" else ~a["mask"]
    used = right["y"].copy()
    for array in (a["x"], used, *([a["dy"]] if masked_output == "zero" else [])):
        array[invalid] = np.nan
    for name, value in computed(plan, a, used).items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


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


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("option", CELL_OPTIONS)
@pytest.mark.parametrize("hidden_size", [1, 3, 5, 8, 15, 16, 17, 31, 33, 70])
def test_cell_options(hidden_size: int, option: str, dtype: str, panel: tuple[str, str]) -> None:
    problem = Problem(6, 7, hidden_size + 2, hidden_size, dtype, bptt_steps=4, epsilon=EPSILON, **{option: True})
    for masked in ({}, {"lengths": True}, {"mask": True}):
        check(problem, random_arguments(problem, hidden_size, h0=True, dy=True, dh_n=True, **masked), panel)


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("masked", ["none", "lengths", "mask"])
@pytest.mark.parametrize("reverse", [False, True])
def test_cell_options_over_several_windows(reverse: bool, masked: str, panel: tuple[str, str]) -> None:
    options = dict.fromkeys(CELL_OPTIONS, True)
    problem = Problem(900, 33, 8, 12, "float64", reverse=reverse, masked_output="hold", epsilon=EPSILON, **options)
    a = random_arguments(problem, 8, h0=True, dy=True, dh_n=True, lengths=masked == "lengths", mask=masked == "mask")
    check(problem, a, panel)


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("masked", [{}, {"lengths": True}, {"mask": True}], ids=["all", "lengths", "mask"])
def test_bits_with_cell_options_do_not_depend_on_threads(masked: dict[str, bool], panel: tuple[str, str]) -> None:
    problem = Problem(70, 37, 300, 150, **dict.fromkeys(CELL_OPTIONS, True))
    check_bits(problem, random_arguments(problem, 3, h0=True, dy=True, dh_n=True, **masked), panel)


@pytest.mark.parametrize("panel", PANEL, ids="-".join)
@pytest.mark.parametrize("masked", [{}, {"lengths": True}, {"mask": True}], ids=["all", "lengths", "mask"])
@pytest.mark.parametrize("options", [{}, {"recurrent_dropout": True, "layer_norm": True}], ids=["alone", "with others"])
def test_a_zoneout_rate(options: dict[str, bool], masked: dict[str, bool], panel: tuple[str, str]) -> None:
    problem = Problem(9, 11, 6, 21, "float64", reverse=True, zoneout=True, **options)
    a = random_arguments(problem, 2, h0=True, dy=False, dh_n=False, **masked) | {"zoneout_mask": None}
    initial = {name: a[name] for name in ("h0", "lengths", "mask", "recurrent_mask", "gain")}
    arrays = a["x"], a["w_ih"], a["w_hh"], a["b"]
    y, h_n = CpuPlan(problem, "cpu", *panel).forward(*arrays, zoneout=0.3, **initial)
    right_y, right_h_n = reference.rnn_forward(*arrays, zoneout=0.3, reverse=True, **initial)
    np.testing.assert_allclose(y, right_y, rtol=0, atol=1e-13)
    np.testing.assert_allclose(h_n, right_h_n, rtol=0, atol=1e-13)


@pytest.mark.parametrize("option", CELL_OPTIONS)
def test_panel_alone_has_cell_options(option: str) -> None:
    problem = Problem(4, 3, 2, 5, precision="high", **{option: True})
    for variant in ("lanes", "stationary", "tiles"):
        with pytest.raises(ValueError, match=f"^variant: '{variant}' takes .*a plain cell.*{option}"):
            CpuPlan(problem, "cpu", variant)
    plan = CpuPlan(problem, "cpu", "auto")
    assert plan.variant == "panel"
    assert f"panel alone has {option}" in plan.explain()
