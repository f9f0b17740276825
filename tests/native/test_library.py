"""The C++ library as another project takes it: installed, found by CMake, linked to."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import rnnfast

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, folder: Path, *options: str | Path) -> None:
    run("cmake", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0", *options)
    run("cmake", "--build", folder, "--parallel")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for programs in (["cmake"], ["make", "ninja"], ["c++", "g++", "clang++"]):
        if not any(shutil.which(program) for program in programs):
            pytest.skip(f"{' or '.join(programs)} is not installed")
    folder, prefix = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("prefix")
    build(ROOT, folder)
    run("cmake", "--install", folder, "--prefix", prefix)
    return prefix


def test_what_is_installed(installed: Path) -> None:
    """One header, one library, and what CMake needs to find them: nothing of the Python package."""
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    cmake = {
        f"lib/cmake/rnnfast/rnnfast{name}.cmake" for name in ("Config", "ConfigVersion", "Targets", "Targets-debug")
    }
    assert files == {"include/rnnfast/cpu.hpp", "lib/librnnfast_cpu.a", *cmake}


def test_example(installed: Path, tmp_path: Path) -> None:
    """Its numbers are those of the reference for the same layer."""
    build(ROOT / "examples" / "cpp", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}")
    numbers = np.array(run(tmp_path / "example").split(), float)

    def waves(*shape: int) -> np.ndarray:
        return np.sin(1 + np.arange(np.prod(shape))).reshape(shape)

    x, w_ih, w_hh, b = waves(7, 3, 2), 0.5 * waves(4, 2), 0.4 * waves(4, 4), np.zeros(4)
    lengths = np.array([7, 3, 5])
    y, h_n = rnnfast.rnn_forward(x, w_ih, w_hh, b, lengths=lengths, backend="reference")
    dh_n = h_n - x[0, :, :1]
    grads = rnnfast.rnn_backward(None, x, y, w_ih, w_hh, dh_n=dh_n, lengths=lengths, backend="reference")
    expected = [array.ravel() for array in (h_n, grads.dw_ih, grads.dw_hh, grads.db)]
    np.testing.assert_allclose(numbers, np.concatenate(expected), rtol=1e-12, atol=1e-14)


def test_versions(installed: Path, tmp_path: Path) -> None:
    """Another minor version is refused, for before 1.0 it may be another interface."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\n"
        "project(user LANGUAGES CXX)\n"
        "foreach(wanted 0.0 0.1 0.2 1.0)\n"
        "  find_package(rnnfast ${wanted} QUIET)\n"
        '  message(STATUS "${wanted} ${rnnfast_FOUND}")\n'
        "endforeach()\n"
    )
    printed = run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}")
    assert [line for line in printed.splitlines() if re.match(r"-- \d\.\d", line)] == [
        "-- 0.0 0",
        "-- 0.1 1",
        "-- 0.2 0",
        "-- 1.0 0",
    ]


def test_inside_of_another_project(tmp_path: Path) -> None:
    """It is a target there, and is not installed with it."""
    if not shutil.which("cmake"):
        pytest.skip("cmake is not installed")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\n"
        "project(user LANGUAGES CXX)\n"
        f"add_subdirectory({ROOT} rnnfast)\n"
        f"add_executable(user {ROOT}/examples/cpp/main.cpp)\n"
        "target_link_libraries(user PRIVATE rnnfast::cpu)\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--install", tmp_path / "build", "--prefix", tmp_path / "prefix")
    assert not [path for path in (tmp_path / "prefix").rglob("*") if path.is_file()]


def test_bad_input(installed: Path, tmp_path: Path) -> None:
    """It is named, and nothing is written; and every variant computes the same."""
    program = tmp_path / "check_interface"
    compiler = next(name for name in ("c++", "g++", "clang++") if shutil.which(name))
    source, library = ROOT / "tests" / "native" / "check_interface.cpp", installed / "lib" / "librnnfast_cpu.a"
    run(compiler, "-std=c++17", f"-I{installed / 'include'}", source, library, "-pthread", "-o", program)
    assert run(program).splitlines() == [
        "batch: expected at least 1, got 0",
        "heads: expected a divisor of hidden_size, got 3",
        "activation: expected one of activations(), got 'tan'",
        "clip: expected at least 0, got -1.000000",
        "alpha: expected a finite number, got nan",
        "alpha: expected at least 0, got -1.000000",
        "beta: expected more than 0, got 0.000000",
        "beta: expected more than alpha, got 1.000000",
        "beta: expected another number than 0, got 0.000000",
        "sizes: expected fewer elements than memory has, got more",
        "seq_len: expected at least 1, got 0",
        "isa: expected one that this processor runs, got 'sse9'",
        "threads: expected at least 1, got 0",
        "bptt_steps: expected at least 0, got -2",
        "variant: no 'lane'",
        "variant: expected one that takes these sizes, got 'lanes'",
        "variant: expected tiles at a precision below highest alone, got 'tiles'",
        "precision: expected highest for double, got 'high'",
        "arrays: expected a pointer where it is not optional, got null",
        "lengths: expected 0 to seq_len, got 9",
        "valid: expected lengths or a mask, got both",
        "variant: expected panel with a recurrent_mask, got 'lanes'",
        "dx_batch_first: expected false where steps are masked, got true",
        "recurrent_mask 1",
        *("dx 1 1" for _ in ("panel", "lanes", "stationary")),
        *(f"{variant} 1 1" for variant in ("auto", "panel", "lanes", "stationary")),
    ]
