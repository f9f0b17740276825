"""The emulation itself: what must go wrong there does."""

from __future__ import annotations

from pathlib import Path

import emulated_kernels
import guarded_memory
import numpy as np
import pytest
from emulated_kernels import EmulatedFile

from rnnfast.backends import cuda_kernels

SOURCE = """
// Each of the tests' kernels, by the number in `what`.
__global__ void astray(int what, float* array, int size, unsigned* counter) {
    float* const shared = dynamic_shared<float>();
    const int i = threadIdx.x;
    if (what == 0) array[size] = 1;                 // beyond the end
    if (what == 1) array[i] = array[size + i];      // reading there
    if (what == 2) shared[64] = 1;                  // beyond the shared memory
    if (what == 3 && i == 0) __syncthreads();       // which the others never reach
    if (what == 4) while (load_acquire(counter) == 0) continue;  // which nobody sets
    if (what == 5) array[i] = shared[i];            // which nobody wrote
    if (what == 6) {                                // the lanes of a warp, the other way round
        array[i] = __shfl_xor_sync(0xFFFFFFFF, float(i), 31);
    }
    if (what == 7) {                                // without a barrier between
        shared[i] = i;
        array[i] = shared[63 - i];
    }
    if (what == 8) {                                // with one
        shared[i] = i;
        __syncthreads();
        array[i] = shared[63 - i];
    }
    if (what == 9) array[i] = to_float16(array[i]);
}
"""


@pytest.fixture(scope="module")
def astray(tmp_path_factory: pytest.TempPathFactory) -> EmulatedFile:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda_kernels, "source", lambda file: SOURCE)
        return EmulatedFile("astray.cu", ["astray"], tmp_path_factory.mktemp("astray"))


def run(file: EmulatedFile, what: int, values: np.ndarray | None = None) -> np.ndarray:
    array, counter = guarded_memory.empty((64,), np.dtype(np.float32)), np.zeros(1, np.uint32)
    if values is not None:
        array[:] = values
    pointers = [np.array(value.ctypes.data, np.uintp) for value in (array, counter)]
    arguments = [np.array(what, np.int32), pointers[0], np.array(64, np.int32), pointers[1]]
    file.launch("astray", (1,), (64,), arguments, 256, cooperative=False)
    return array


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (0, "an access outside of every array"),
        (1, "an access outside of every array"),
        (2, "an access outside of every array"),
        (3, "threads wait at a barrier that others never reach"),
        (4, "a thread waits for ever"),
    ],
)
def test_a_kernel_that_goes_astray(what: int, message: str, astray: EmulatedFile) -> None:
    with pytest.raises(RuntimeError, match=f"^astray: {message}"):
        run(astray, what)
    np.testing.assert_array_equal(run(astray, 8), np.arange(64)[::-1])  # and the next runs


def test_shared_memory_and_arrays_begin_as_nan(astray: EmulatedFile) -> None:
    assert np.isnan(guarded_memory.empty((3, 5), np.dtype(np.float64))).all()
    assert np.isnan(run(astray, 5)).all()


def test_lanes_exchange_values(astray: EmulatedFile) -> None:
    np.testing.assert_array_equal(run(astray, 6), np.concatenate([np.arange(32)[::-1], np.arange(32, 64)[::-1]]) % 64)


def test_float16_is_that_of_numpy(astray: EmulatedFile) -> None:
    """Ties, the ends of normal and subnormal numbers, infinity, zero, and random bits."""
    edges = [0.0, 65504, 65519.99, 65520, 1e30, 2**-14, 2**-24, 2**-25, 1.5 * 2**-25, 2**-14 - 2**-25, 1 + 2**-11]
    edges += [1 + 3 * 2**-11, 2047.5, 1023.75 * 2**-24, np.inf, np.nan]
    random = np.random.default_rng(0).integers(0, 2**32, 64 - 2 * len(edges), np.uint32).view(np.float32)
    values = np.concatenate([edges, np.negative(edges), random]).astype(np.float32)
    with np.errstate(all="ignore"):
        right = values.astype(np.float16)
    found = run(astray, 9, values).astype(np.uint16).view(np.float16)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(right))
    real = ~np.isnan(right)
    np.testing.assert_array_equal(found[real].view(np.uint16), right[real].view(np.uint16))


def test_a_missing_barrier_shows_for_most_seeds(astray: EmulatedFile) -> None:
    wrong = [not np.array_equal(run(astray, 7), np.arange(64)[::-1]) for _ in range(10)]
    assert sum(wrong) >= 8


def test_the_order_of_threads_is_that_of_the_seed(astray: EmulatedFile) -> None:
    def results(seed: int) -> bytes:
        astray.seed = seed
        return run(astray, 7).tobytes()

    assert len({results(seed) for seed in range(6)}) > 3
    assert results(3) == results(3)


def test_every_barrier_and_check_gets_a_switch() -> None:
    text = "if (!inside(i, f(n))) return;\n__syncthreads();\n    grid_barrier(a, 1);\ninline bool inside(int i) {}\n"
    switched, mutants = emulated_kernels.with_switches(text)
    assert [mutant.text for mutant in mutants] == [
        "if (!inside(i, f(n))) return;",
        "__syncthreads();",
        "grid_barrier(a, 1);",
    ]
    assert "(emulation::mutant == 1 || inside(i, f(n)))" in switched
    assert switched.count("emulation::mutant") == 3


def test_sources_are_whole(tmp_path: Path) -> None:
    for file in ("masked.cu", "stepwise.cu", "block.cu", "persistent.cu"):
        assert "#include" not in cuda_kernels.source(file)
