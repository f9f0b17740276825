"""The kernels as a C++ program: under sanitizers, and for aarch64 in an emulator where both are installed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMON = ["-std=c++17", "-O1", "-pthread", f"-I{ROOT / 'csrc'}"]
ISA_FLAGS = ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
ISAS = {
    "x86_64": {
        "baseline": [],
        "avx2": ["-mavx2", "-mfma"],
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
    },
    "aarch64": {"baseline": []},
}


def build(compiler: str, machine: str, folder: Path, *flags: str) -> Path:
    """The program, its files compiled side by side."""
    jobs: list[tuple[Path, list[str]]] = [(source, []) for source in sorted((ROOT / "csrc" / "cpu").glob("*.cpp"))]
    jobs += [(ROOT / "csrc" / "cpu" / "isa" / f"{name}.cpp", ISA_FLAGS + more) for name, more in ISAS[machine].items()]
    jobs.append((ROOT / "tests" / "native" / "check_kernels.cpp", []))
    objects = [folder / f"{source.stem}.o" for source, _ in jobs]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiling = [
            pool.submit(subprocess.run, [compiler, *COMMON, *flags, *more, "-c", source, "-o", target], check=True)
            for (source, more), target in zip(jobs, objects, strict=True)
        ]
        for job in compiling:
            job.result()
    program = folder / "check_kernels"
    subprocess.run([compiler, *COMMON, *flags, *objects, "-o", program], check=True)
    return program


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def test_under_sanitizers(tmp_path: Path) -> None:
    need("g++")
    if platform.machine() not in ISAS:
        pytest.skip(f"no list of instruction sets for {platform.machine()}")
    program = build(
        "g++", platform.machine(), tmp_path, "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"
    )
    assert run([str(program), "40"]) == "checked 40 problems"


def test_threads_under_sanitizer(tmp_path: Path) -> None:
    need("g++")
    if platform.machine() not in ISAS:
        pytest.skip(f"no list of instruction sets for {platform.machine()}")
    program = build("g++", platform.machine(), tmp_path, "-fsanitize=thread")
    assert run([str(program), "15"]) == "checked 15 problems"


def test_on_aarch64_in_an_emulator(tmp_path: Path) -> None:
    need("aarch64-linux-gnu-g++", "qemu-aarch64")
    program = build("aarch64-linux-gnu-g++", "aarch64", tmp_path, "-static")
    assert run(["qemu-aarch64", str(program), "20"]) == "checked 20 problems"
