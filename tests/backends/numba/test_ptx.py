"""The kernels as NVIDIA's compiler makes them for each architecture, without a GPU."""

from __future__ import annotations

import os
import re
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest
from nvrtc import ARCHITECTURES

from rnnfast.pointwise import ACTIVATIONS, Activation

pytestmark = pytest.mark.skipif("NUMBA_ENABLE_CUDASIM" in os.environ, reason="the simulator has no compiler")

# Of these the compiler is asked for every kernel, of the others for the recurrences.
IN_FULL = (75,)


@pytest.fixture(scope="module")
def cuda() -> Any:
    """numba.cuda, where its compiler is installed."""
    for package in ("nvidia-nvvm", "nvidia-cuda-nvrtc"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{package} is not installed (extra: nvrtc)")
    return pytest.importorskip("numba.cuda", reason="numba-cuda is not installed (extra: numba)")


def compiled(cuda: Any, kernel: Any, arguments: tuple[Any, ...], architecture: int) -> str:
    """PTX of a kernel. A device function asks the device which architecture it is for; this stands for it."""
    major, minor = divmod(architecture, 10)
    device = SimpleNamespace(compute_capability=(major, minor))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numba.cuda.dispatcher.get_current_device", lambda: device)
        ptx, _ = cuda.compile(kernel.py_func, arguments, cc=(major, minor), device=False, abi="numba")
    return ptx


def kernels(cuda: Any, dtype: str) -> dict[str, tuple[Any, Any]]:
    """Every kernel by name, with the types of its arguments."""
    from rnnfast.backends.numba_kernels import block, copies, product, stepwise
    from rnnfast.backends.numba_kernels.pointwise import pointwise

    types = cuda.types
    number, position = types.Array(getattr(types, dtype), 2, "C").dtype, types.int32[:, ::1]
    vector, matrix, cube = number[::1], number[:, ::1], number[:, :, ::1]
    integer, flag = types.int64, types.boolean
    functions = pointwise("tanh", dtype)
    sizes = functions, 96, 2, 80
    return {
        "copy": (copies.copy, (number[:, :, :], vector)),
        "transpose": (copies.transpose, (matrix, matrix)),
        "fill": (copies.fill(dtype), (vector,)),
        "number_steps, lengths": (copies.number_steps("lengths"), (types.int32[::1], flag, position)),
        "number_steps, mask": (copies.number_steps("mask"), (types.boolean[:, ::1], flag, position)),
        "number_steps, every": (copies.number_steps("every"), (position, flag, position)),
        "clear_masked": (copies.clear_masked(dtype), (cube, position, cube)),
        "previous_states": (copies.previous_states, (cube, matrix, position, flag, cube)),
        "matmul": (product.matmul(dtype), (matrix, matrix, flag, matrix)),
        "column_sums": (product.column_sums(dtype), (matrix, vector)),
        "stepwise_forward": (
            stepwise.forward(dtype, functions),
            (integer, matrix, matrix, vector, cube, position, flag, matrix),
        ),
        "stepwise_backward": (
            stepwise.backward(dtype, functions),
            (integer, integer, cube, flag, cube, matrix, position, flag, integer, matrix, cube),
        ),
        "block_forward": (block.forward(dtype, *sizes), (matrix, vector, cube, position, flag, flag, matrix)),
        "block_backward": (
            block.backward(dtype, *sizes),
            (cube, flag, cube, matrix, position, flag, flag, integer, matrix, cube),
        ),
    }


def check(ptx: str, name: str, dtype: str, architecture: int) -> None:
    assert f".target sm_{architecture}" in ptx
    assert ".visible .entry" in ptx
    if dtype == "float32":  # a constant that is no float32 would make it so
        assert not re.search(r"\.f64\b", ptx), f"{name} computes in float64"
    barriers = {"matmul": 2, "column_sums": 1, "stepwise": 2, "block_forward": 2, "block_backward": 1}
    expected = next((count for start, count in barriers.items() if name.startswith(start)), 0)
    assert ptx.count("bar.sync") == expected


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_kernel_for_every_architecture(architecture: int, cuda: Any) -> None:
    dtype = ("float32", "float64")[ARCHITECTURES.index(architecture) % 2]
    for name, (kernel, arguments) in kernels(cuda, dtype).items():
        if architecture not in IN_FULL and not name.startswith(("stepwise", "block")):
            continue
        check(compiled(cuda, kernel, arguments, architecture), name, dtype, architecture)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation: str, cuda: Any) -> None:
    from rnnfast.backends.numba_kernels.pointwise import pointwise

    function = Activation(activation)
    f, df = pointwise(activation, "float32", function.alpha, function.beta, 0.8)

    def apply(values, derivatives):
        values[0] = f(values[0])
        derivatives[0] = df(values[0])

    vector = cuda.types.float32[::1]
    check(compiled(cuda, cuda.jit(apply), (vector, vector), 90), "apply", "float32", 90)


def test_a_wrong_kernel_is_an_error(cuda: Any) -> None:
    kernel = cuda.jit(lambda a: a.no_such_thing())
    with pytest.raises(Exception, match="no_such_thing"):
        compiled(cuda, kernel, (cuda.types.float32[::1],), 90)
