"""Arrays stored in 16 bits: the bits of the float32 kernels on the widened arrays, rounded once as they are stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnfast
from rnnfast import _cpu, reference, set_num_threads
from rnnfast.backends import cost
from rnnfast.backends.cpu import VARIANTS, CpuPlan
from rnnfast.pointwise import ACTIVATIONS
from rnnfast.problem import MASKED_OUTPUTS, Problem

ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed (extra: ml_dtypes)")
STORED = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
LAST_BIT = {"float16": 2**-11, "bfloat16": 2**-8}  # half of it, of a number of 1 or above
WITH_STEPS = ("x", "y", "dy", "dx")
KERNELS = [(variant.name, isa) for variant in VARIANTS if variant.name != "tiles" for isa in _cpu.supported_isas()]


@pytest.fixture(params=KERNELS, ids="-".join)
def kernel(request: pytest.FixtureRequest) -> tuple[str, str]:
    variant, isa = request.param
    return variant, isa


@pytest.fixture(params=list(STORED))
def dtype(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def stored(array: np.ndarray, dtype: str) -> np.ndarray:
    """Rounded to nearest even, by NumPy or ml_dtypes."""
    with np.errstate(all="ignore"):
        return array.astype(STORED[dtype])


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(f"u{array.itemsize}")


def random_arguments(
    problem: Problem, seed: int, *, h0: bool = True, dy: bool = True, dh_n: bool = True, masked: str = ""
) -> dict[str, Any]:
    """Of the dtypes that the problem wants; `masked` is "lengths", "mask" or neither."""
    rng = np.random.default_rng(seed)
    t, b, i, h = problem.seq_len, problem.batch, problem.input_size, problem.hidden_size
    w_hh = (h, h) if problem.heads == 1 else (problem.heads, h // problem.heads, h // problem.heads)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    return {
        "x": stored(normal(t, b, i), problem.dtype),
        "w_ih": normal(h, i, scale=i**-0.5),
        "w_hh": normal(*w_hh, scale=0.7 * (h / problem.heads) ** -0.5),
        "b": normal(h),
        "h0": normal(b, h) if h0 else None,
        "lengths": rng.integers(0, t + 1, b) if masked == "lengths" else None,
        "mask": rng.random((t, b)) < rng.random(b) if masked == "mask" else None,
        "dy": stored(normal(t, b, h), problem.dtype) if dy else None,
        "dh_n": normal(b, h) if dh_n else None,
    }


def computed(plan: Any, a: dict[str, Any], y: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """By name; the gradients at `y`, by default at the outputs that the plan computes itself."""
    initial = {name: a[name] for name in ("h0", "lengths", "mask")} | a.get("cell", {})
    out, h_n = plan.forward(a["x"], a["w_ih"], a["w_hh"], a["b"], **initial)
    grads = plan.backward(a["dy"], a["x"], out if y is None else y, a["w_ih"], a["w_hh"], dh_n=a["dh_n"], **initial)
    return {"y": out, "h_n": h_n, **present(grads)}


def present(grads: rnnfast.Gradients) -> dict[str, np.ndarray]:
    """By name, without that of a gain that there is not."""
    return {name: gradient for name, gradient in grads._asdict().items() if gradient is not None}


def widened(a: dict[str, Any]) -> dict[str, Any]:
    return {name: v.astype(np.float32) if v is not None and name in WITH_STEPS else v for name, v in a.items()}


def check(problem: Problem, a: dict[str, Any], kernel: tuple[str, str]) -> None:
    """Against the same kernel on the widened arrays, to the bit."""
    results = computed(CpuPlan(problem, "cpu", *kernel), a)
    wide = CpuPlan(replace(problem, dtype="float32"), "cpu", *kernel)
    initial = {name: a[name] for name in ("h0", "lengths", "mask")} | a.get("cell", {})
    y, h_n = wide.forward(widened(a)["x"], a["w_ih"], a["w_hh"], a["b"], **initial)
    right = {**computed(wide, widened(a), results["y"].astype(np.float32)), "y": y, "h_n": h_n}
    for name, value in results.items():
        expected = stored(right[name], problem.dtype) if name in WITH_STEPS else right[name]
        assert value.dtype == expected.dtype, name
        np.testing.assert_array_equal(bits(value), bits(expected), err_msg=name)


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 20), st.integers(1, 40), st.integers(1, 40)),
    dtype=st.sampled_from(list(STORED)),
    activation=st.sampled_from(list(ACTIVATIONS)),
    reverse=st.booleans(),
    bptt_steps=st.none() | st.integers(1, 5),
    clip=st.none() | st.floats(0.25, 4),
    masked_output=st.sampled_from(MASKED_OUTPUTS),
    divisor=st.integers(1, 4),
    masked=st.sampled_from(["", "lengths", "mask"]),
    given_arrays=st.fixed_dictionaries({name: st.booleans() for name in ("h0", "dy", "dh_n")}),
    seed=st.integers(0, 2**32 - 1),
    threads=st.integers(1, 3),
    kernel=st.sampled_from(KERNELS),
)
def test_any_option(
    sizes: tuple[int, int, int, int],
    dtype: str,
    activation: str,
    reverse: bool,
    bptt_steps: int | None,
    clip: float | None,
    masked_output: str,
    divisor: int,
    masked: str,
    given_arrays: dict[str, bool],
    seed: int,
    threads: int,
    kernel: tuple[str, str],
) -> None:
    problem = Problem(*sizes, dtype, activation, reverse, bptt_steps, clip=clip, masked_output=masked_output)
    with_heads = replace(problem, heads=divisor if sizes[3] % divisor == 0 else sizes[3])
    problem = with_heads if cost.accepts(with_heads, kernel[0]) else problem
    set_num_threads(threads)
    check(problem, random_arguments(problem, seed, masked=masked, **given_arrays), kernel)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", ["", "lengths", "mask"])
def test_over_several_windows(masked: str, reverse: bool, dtype: str, kernel: tuple[str, str]) -> None:
    problem = Problem(900, 33, 8, 12, dtype, reverse=reverse, bptt_steps=40, masked_output="hold")
    assert CpuPlan(problem, "cpu", *kernel).window_steps < 800
    check(problem, random_arguments(problem, 8, masked=masked), kernel)


@pytest.mark.parametrize("sizes", [(5000, 1, 9, 20), (3, 300, 20, 10), (40, 31, 130, 129)], ids=str)
def test_shapes(sizes: tuple[int, int, int, int], dtype: str, kernel: tuple[str, str]) -> None:
    problem = Problem(*sizes, dtype)
    if not cost.accepts(problem, kernel[0]):
        pytest.skip(f"{kernel[0]} does not take {sizes[3]} hidden units")
    check(problem, random_arguments(problem, 2), kernel)


@pytest.mark.parametrize("masked", ["", "mask"])
@pytest.mark.parametrize("isa", _cpu.supported_isas())
def test_options_of_the_cell(isa: str, masked: str, dtype: str) -> None:
    problem = Problem(900, 33, 8, 12, dtype, recurrent_dropout=True, zoneout=True, layer_norm=True)
    rng = np.random.default_rng(0)
    cell = {
        "recurrent_mask": rng.integers(0, 2, (33, 12)).astype(np.float32),
        "zoneout_mask": rng.random((900, 33, 12)) < 0.2,
        "gain": rng.random(12, dtype=np.float32),
    }
    check(problem, {**random_arguments(problem, 3, masked=masked), "cell": cell}, ("panel", isa))


@pytest.mark.skipif("avx512_amx" not in _cpu.supported_isas(), reason="this processor has no AMX tiles")
@pytest.mark.parametrize("precision", ["high", "medium"])
def test_tiles(precision: str, dtype: str) -> None:
    problem = Problem(900, 33, 8, 40, dtype, precision=precision)
    check(problem, random_arguments(problem, 3, masked="mask"), ("tiles", "avx512_amx"))


@pytest.mark.parametrize("masked", ["", "mask"])
def test_bits_depend_neither_on_threads_nor_on_alignment(masked: str, dtype: str, kernel: tuple[str, str]) -> None:
    problem = Problem(120, 37, 40, 50, dtype, bptt_steps=7)
    a = random_arguments(problem, 3, masked=masked)
    plan = CpuPlan(problem, "cpu", *kernel)
    set_num_threads(1)
    right = computed(plan, a)
    for threads in (1, 2, 3):
        set_num_threads(threads)
        shifted = {n: None if v is None else np.append(v.ravel()[:1], v)[1:].reshape(v.shape) for n, v in a.items()}
        for name, value in computed(plan, shifted).items():
            np.testing.assert_array_equal(bits(value), bits(right[name]), err_msg=f"{name} with {threads} threads")


@pytest.mark.parametrize("masked", ["", "lengths", "mask"])
def test_the_specification_within_one_rounding(masked: str, dtype: str, kernel: tuple[str, str]) -> None:
    problem = Problem(9, 17, 12, 19, dtype, reverse=True, bptt_steps=4, clip=2.0, masked_output="hold")
    a = random_arguments(problem, 5, masked=masked)
    initial = {name: a[name] for name in ("h0", "lengths", "mask")}
    options = {name: getattr(problem, name) for name in ("activation", "clip", "reverse", "masked_output")}
    wide = {name: a[name].astype(np.float64) for name in ("w_ih", "w_hh", "b", "h0", "dh_n")}
    initial["h0"] = wide["h0"]
    y, h_n = reference.rnn_forward(a["x"], wide["w_ih"], wide["w_hh"], wide["b"], **initial, **options)
    right = reference.rnn_backward(
        a["dy"], a["x"], y, wide["w_ih"], wide["w_hh"], dh_n=wide["dh_n"], bptt_steps=4, **initial, **options
    )
    for name, value in computed(CpuPlan(problem, "cpu", *kernel), a, y).items():
        expected = {"y": y, "h_n": h_n, **right._asdict()}[name]
        assert value.dtype == (STORED[dtype] if name in WITH_STEPS else np.float32)
        assert expected.dtype == (STORED[dtype] if name in WITH_STEPS else np.float64)
        # Where float32 rounds across the middle between two stored numbers, it is the next one.
        tolerance = {"rtol": 2 * LAST_BIT[dtype]} if name in WITH_STEPS else {"rtol": 0}
        scale = 1 + np.abs(expected.astype(np.float64)).max()
        np.testing.assert_allclose(
            value.astype(np.float64), expected.astype(np.float64), atol=3e-6 * scale, err_msg=name, **tolerance
        )


@pytest.mark.parametrize("masked", ["", "lengths", "mask"])
def test_the_specification_itself(masked: str, dtype: str) -> None:
    """It rounds what it computes from the widened arrays, and nothing else."""
    problem = Problem(7, 5, 3, 4, dtype)
    a = random_arguments(problem, 6, masked=masked)
    a.update({name: a[name].astype(np.float64) for name in ("w_ih", "w_hh", "b", "h0", "dh_n")})
    wide = {name: v.astype(np.float64) if name in WITH_STEPS else v for name, v in a.items()}
    initial = {name: a[name] for name in ("h0", "lengths", "mask")}
    y, h_n = reference.rnn_forward(a["x"], a["w_ih"], a["w_hh"], a["b"], **initial)
    right, right_n = reference.rnn_forward(wide["x"], a["w_ih"], a["w_hh"], a["b"], **initial)
    np.testing.assert_array_equal(bits(y), bits(stored(right, dtype)))
    np.testing.assert_array_equal(h_n, right_n)
    weights = a["w_ih"], a["w_hh"]
    grads = reference.rnn_backward(a["dy"], a["x"], y, *weights, dh_n=a["dh_n"], **initial)
    right_grads = reference.rnn_backward(
        wide["dy"], wide["x"], y.astype(np.float64), *weights, dh_n=a["dh_n"], **initial
    )
    np.testing.assert_array_equal(bits(grads.dx), bits(stored(right_grads.dx, dtype)))
    for name, gradient in present(grads._replace(dx=None)).items():
        np.testing.assert_array_equal(gradient, getattr(right_grads, name), err_msg=name)


def every_rounding(dtype: str) -> np.ndarray:
    """All stored numbers, the middle between each and the next, and the float32 numbers beside the middle."""
    every = np.arange(2**16, dtype=np.uint16).view(STORED[dtype]).astype(np.float32)
    finite = np.sort(every[np.isfinite(every)]).astype(np.float64)
    beyond = 2 * finite[-1] - finite[-2]  # where the next number would be
    middle = ((np.append(finite, beyond) + np.insert(finite, 0, -beyond)) / 2).astype(np.float32)
    beside = [np.nextafter(middle, np.float32(side)) for side in (-np.inf, np.inf)]
    return np.concatenate([every, middle, *beside])


@pytest.mark.parametrize("isa", _cpu.supported_isas())
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # NaN is one of the numbers
def test_every_number_and_every_rounding(isa: str, dtype: str) -> None:
    """As h_1 = h_0 they are narrowed, and as x widened."""
    values = every_rounding(dtype)
    one = np.ones((1, 1), np.float32)
    narrow = CpuPlan(Problem(1, len(values), 1, 1, dtype, "linear"), "cpu", "panel", isa)
    y, h_n = narrow.forward(np.zeros((1, len(values), 1), STORED[dtype]), one, one, 0 * one[0], h0=values[:, None])
    np.testing.assert_array_equal(h_n.ravel(), values)
    np.testing.assert_array_equal(y.ravel().astype(np.float32), stored(values, dtype).astype(np.float32))
    every = np.arange(2**16, dtype=np.uint16).view(STORED[dtype])
    widen = CpuPlan(Problem(1, 2**16, 1, 1, dtype, "linear"), "cpu", "panel", isa)
    y, h_n = widen.forward(every.reshape(1, -1, 1), one, one, 0 * one[0])
    np.testing.assert_array_equal(h_n.ravel(), every.astype(np.float32))
    np.testing.assert_array_equal(y.ravel().astype(np.float32), every.astype(np.float32))


def test_the_state_is_carried_in_float32(backend: str) -> None:
    """Beyond 65504 the output is infinite in float16, and the state is not; it is not rounded either."""
    one = np.ones((1, 1), np.float32)
    h0 = np.full((1, 1), 2.0**18, np.float32)
    options = {"activation": "linear", "backend": backend}
    y, h_n = rnnfast.rnn_forward(np.zeros((4, 1, 1), np.float16), one, 0.5 * one, 0 * one[0], h0=h0, **options)
    np.testing.assert_array_equal(y.ravel(), [np.inf, np.inf, 2**15, 2**14])
    assert h_n == 2**14
    x = np.full((1024, 1, 1), 2.0**-10, np.float16)
    y, h_n = rnnfast.rnn_forward(x, one, one, 0 * one[0], h0=4 * one, **options)
    assert y[-1] == h_n == 5  # a rounded state would stay 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_come_out(value: float, dtype: str, backend: str) -> None:
    a = random_arguments(Problem(3, 9, 17, 19, dtype), 5)
    a["x"][1, 4, 16] = value
    y, _ = rnnfast.rnn_forward(a["x"], a["w_ih"], a["w_hh"], a["b"], activation="relu", backend=backend)
    wide, _ = rnnfast.rnn_forward(
        a["x"].astype(np.float32), a["w_ih"], a["w_hh"], a["b"], activation="relu", backend=backend
    )
    finite = np.isfinite(wide)
    assert 0 < (~finite).sum() < finite.size
    np.testing.assert_array_equal(y[~finite].astype(np.float32), wide[~finite])
    assert np.isfinite(y[finite].astype(np.float32)).all()


@pytest.fixture(params=["cpu", "reference"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_out_and_arrays_in_every_form(dtype: str, backend: str) -> None:
    problem = Problem(6, 4, 3, 5, dtype)
    a = random_arguments(problem, 1)
    arrays = a["x"], a["w_ih"], a["w_hh"], a["b"]
    y, _ = rnnfast.rnn_forward(*arrays, backend=backend)
    out = np.ones((6, 4, 5), STORED[dtype])
    given, _ = rnnfast.rnn_forward(*arrays, backend=backend, out=out)
    assert given is out
    np.testing.assert_array_equal(bits(out), bits(y))
    x = np.zeros((6, 4, 6), STORED[dtype])[:, :, ::2]
    x[...] = a["x"]
    np.testing.assert_array_equal(bits(rnnfast.rnn_forward(x, *arrays[1:], backend=backend)[0]), bits(y))


def error_cases(dtype: str) -> list[tuple[dict[str, np.ndarray], str]]:
    other = STORED["float16" if dtype == "bfloat16" else "bfloat16"]
    cases = [({name: a}, name, "float32", a.dtype) for name, a in weights_as(STORED[dtype]).items()]
    steps = {"y": (6, 4, 5), "dy": (6, 4, 5), "out": (6, 4, 5)}
    for wrong in (other, np.dtype(np.float32)):
        cases += [({name: np.ones(shape, wrong)}, name, dtype, wrong) for name, shape in steps.items()]
    return [(changed, f"^{name}: expected dtype {right}, got {got}$") for changed, name, right, got in cases]


def weights_as(dtype: np.dtype) -> dict[str, np.ndarray]:
    shapes = {"w_ih": (5, 3), "w_hh": (5, 5), "b": (5,), "h0": (4, 5), "dh_n": (4, 5)}
    return {name: np.ones(shape, dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize(("dtype", "changed", "message"), [(d, *case) for d in STORED for case in error_cases(d)])
def test_errors_name_the_argument(dtype: str, changed: dict[str, np.ndarray], message: str, backend: str) -> None:
    x, y = np.ones((6, 4, 3), STORED[dtype]), np.ones((6, 4, 5), STORED[dtype])
    out = y.copy()
    weights = weights_as(np.dtype(np.float32))
    forward = {"x": x, **{name: weights[name] for name in ("w_ih", "w_hh", "b", "h0")}, "out": out}
    backward = {"dy": y, "x": x, "y": y, **{name: weights[name] for name in ("w_ih", "w_hh", "h0", "dh_n")}}
    for call, arguments in ((rnnfast.rnn_forward, forward), (rnnfast.rnn_backward, backward)):
        if changed.keys() <= arguments.keys():
            with pytest.raises(TypeError, match=message):
                call(**{**arguments, **changed}, backend=backend)
    assert (out == 1).all(), "something was written before the checks were passed"


def test_other_errors(dtype: str, backend: str) -> None:
    weights = [weights_as(np.dtype(np.float32))[name] for name in ("w_ih", "w_hh", "b")]
    square = np.ones((6, 4, 5), STORED[dtype])
    with pytest.raises(ValueError, match=r"^out: expected memory of its own, got an array that overlaps x"):
        rnnfast.rnn_forward(square, np.ones((5, 5), np.float32), *weights[1:], backend=backend, out=square)
    with pytest.raises(TypeError, match=r"^x: expected dtype float16, got >f2"):
        rnnfast.rnn_forward(np.ones((6, 4, 3), ">f2"), *weights, backend=backend)
    with pytest.raises(TypeError, match=r"^x: expected dtype float32 or float64 or bfloat16 or float16, got float8"):
        rnnfast.rnn_forward(np.ones((6, 4, 3), ml_dtypes.float8_e5m2), *weights, backend=backend)
    with pytest.raises(TypeError, match=r"^w_ih: expected dtype float64, got float32"):
        rnnfast.rnn_forward(np.ones((6, 4, 3)), *weights, backend=backend)


@pytest.mark.parametrize("masked", ["", "lengths", "mask"])
@pytest.mark.parametrize("reverse", [False, True])
def test_checkpointed_passes_have_the_bits_of_the_whole(reverse: bool, masked: str, dtype: str) -> None:
    problem = Problem(1500, 9, 100, 40, dtype, reverse=reverse, bptt_steps=30)
    a = random_arguments(problem, 4, masked=masked)
    right = computed(CpuPlan(problem, "cpu", "auto"), a)
    options = {name: a[name] for name in ("lengths", "mask")} | {"reverse": reverse, "checkpoint_every": 1}
    arrays = a["x"], a["w_ih"], a["w_hh"], a["b"]
    y = np.zeros_like(right["y"])
    states, h_n = rnnfast.checkpointed_forward(*arrays, h0=a["h0"], on_y=y.__setitem__, **options)
    assert len(states) > 2
    assert states.dtype == np.float32
    grads = rnnfast.checkpointed_backward(
        a["dy"], arrays[0], states, *arrays[1:], dh_n=a["dh_n"], bptt_steps=30, **options
    )
    for name, value in {"y": y, "h_n": h_n, **present(grads)}.items():
        np.testing.assert_array_equal(bits(value), bits(right[name]), err_msg=name)


def test_plans_say_what_is_stored_and_what_is_computed(dtype: str) -> None:
    sizes: dict[str, Any] = {"seq_len": 6, "batch": 4, "input_size": 3, "hidden_size": 5}
    assert (
        f"storage {dtype}: x, y and their gradients; all arithmetic in float32"
        in rnnfast.plan(**sizes, dtype=dtype).explain()
    )
    assert "all arithmetic in float32" in rnnfast.plan(**sizes, dtype=dtype, backend="reference").explain()
    assert "storage" not in rnnfast.plan(**sizes).explain()


def test_float16_needs_no_other_package(run_python) -> None:
    code = "import sys; sys.modules['ml_dtypes'] = None; import numpy as np, rnnfast\n"
    code += "w = np.ones((1, 1), np.float32)\n"
    code += "print(rnnfast.rnn_forward(np.ones((1, 1, 1), np.float16), w, w, w[0])[0].dtype)"
    done = run_python("-c", code)
    assert done.stdout.strip() == "float16", done.stderr


LONG = """
import sys
from pathlib import Path
import numpy as np
import rnnfast
dtype = np.dtype(sys.argv[1])
x = np.ones((8000, 16, 64), dtype)
w_ih, w_hh, b = (np.full(shape, 0.01, np.float32) for shape in ((64, 64), (64, 64), (64,)))
rnnfast.rnn_backward(None, x[:100], rnnfast.rnn_forward(x[:100], w_ih, w_hh, b)[0], w_ih, w_hh)
status = Path("/proc/self/status")
peak = lambda: 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
before = peak()
y, _ = rnnfast.rnn_forward(x, w_ih, w_hh, b)
rnnfast.rnn_backward(y, x, y, w_ih, w_hh)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc: other peaks are not of one process alone")
def test_a_long_sequence_takes_half_the_memory(run_python) -> None:
    """Of y and dx, 8000 x 16 x 64 each: the copies of a window, 4 MB, are small beside them."""
    peaks = {}
    for dtype in ("float32", "float16"):
        done = run_python("-c", LONG, dtype)
        assert done.returncode == 0, done.stderr
        peaks[dtype] = int(done.stdout)
    elements = 2 * 8000 * 16 * 64
    assert peaks["float32"] > 3.8 * elements
    assert peaks["float16"] < 2 * elements + 10e6
