"""The kernels as a C++ program: under sanitizers, and for aarch64 in an emulator where both are installed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rnnfast import _cpu

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = ROOT / "tests" / "native" / "emulated" / "bochs.py"
EMULATOR_MISSING = 77  # its exit status where something is not installed
PROGRAMS = ("check_kernels", "check_table", "check_thread_pool", "check_processors")
COMMON = ["-std=c++17", "-O1", "-pthread", "-Wno-psabi"]
COMMON += [f"-I{ROOT / folder}" for folder in ("csrc", "csrc/include", "tests/native")]
ISA_FLAGS = ["-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
ISAS = {
    "x86_64": {
        "baseline": [],
        "avx2": ["-mavx2", "-mfma", "-mf16c"],
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"],
    },
    "aarch64": {"baseline": []},
}
HAS_TILES = "avx512_amx" in _cpu.supported_isas()
if HAS_TILES:
    COMMON.append("-DRNNFAST_AMX")
    ISAS["x86_64"]["avx512_amx"] = [*ISAS["x86_64"]["avx512"], "-mamx-tile", "-mamx-bf16"]


def build(compiler: str, machine: str, folder: Path, *flags: str, programs: tuple[str, ...] = PROGRAMS) -> list[Path]:
    """The programs, in their order, with their files compiled side by side."""
    jobs: list[tuple[Path, list[str]]] = [(source, []) for source in sorted((ROOT / "csrc" / "cpu").glob("*.cpp"))]
    jobs += [(ROOT / "csrc" / "cpu" / "isa" / f"{name}.cpp", ISA_FLAGS + more) for name, more in ISAS[machine].items()]
    if "check_tiles" in programs:
        jobs.append((ROOT / "tests" / "native" / "emulated_tiles.cpp", ISA_FLAGS))
    jobs += [(ROOT / "tests" / "native" / f"{name}.cpp", []) for name in programs]
    objects = [folder / f"{source.stem}.o" for source, _ in jobs]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiling = [
            pool.submit(subprocess.run, [compiler, *COMMON, *flags, *more, "-c", source, "-o", target], check=True)
            for (source, more), target in zip(jobs, objects, strict=True)
        ]
        for job in compiling:
            job.result()
    shared, own = objects[: -len(programs)], objects[-len(programs) :]
    for item in own:
        subprocess.run([compiler, *COMMON, *flags, *shared, item, "-o", item.with_suffix("")], check=True)
    return [item.with_suffix("") for item in own]


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
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
    programs = (*PROGRAMS, "check_tiles")
    kernels, table, threads, processors, tiles = build(
        "g++", platform.machine(), tmp_path, *sanitizers, programs=programs
    )
    assert run([str(kernels), "40"]) == "checked 40 problems"
    assert run([str(table)]).startswith("checked")
    assert run([str(threads)]) == "checked"
    assert run([str(processors), str(tmp_path / "groups")]) == "checked"
    assert run([str(tiles), "20", "emulated"]) == "checked 20 problems"
    if HAS_TILES:
        assert run([str(tiles), "20", "real"]) == "checked 20 problems"


def test_threads_under_sanitizer(tmp_path: Path) -> None:
    need("g++")
    if platform.machine() not in ISAS:
        pytest.skip(f"no list of instruction sets for {platform.machine()}")
    kernels, _, threads, _ = build("g++", platform.machine(), tmp_path, "-fsanitize=thread")
    assert run([str(kernels), "15"]) == "checked 15 problems"
    assert run([str(threads)]) == "checked"


def test_on_aarch64_in_an_emulator(tmp_path: Path) -> None:
    need("aarch64-linux-gnu-g++", "qemu-aarch64")
    kernels, table, threads, _ = build("aarch64-linux-gnu-g++", "aarch64", tmp_path, "-static")
    assert run(["qemu-aarch64", str(kernels), "20"]) == "checked 20 problems"
    assert run(["qemu-aarch64", str(table)]) == "checked baseline"
    assert run(["qemu-aarch64", str(threads)]) == "checked"


@pytest.mark.emulated
def test_avx512_in_an_emulator(tmp_path: Path) -> None:
    """The code as it is released, on a processor that can run it."""
    need("g++")
    if platform.machine() != "x86_64":
        pytest.skip(f"emulated on x86_64 only, not on {platform.machine()}")
    if "avx512" in _cpu.supported_isas():
        pytest.skip("this processor has AVX-512: the other tests run it")
    kernels, table, *_ = build("g++", "x86_64", tmp_path, "-static", "-O3")
    for command, expected in [
        ([str(table), "avx512"], "checked avx512"),
        ([str(kernels), "100", "avx512"], "checked 100 problems"),
    ]:
        done = subprocess.run([sys.executable, EMULATOR, *command], capture_output=True, text=True, check=False)
        if done.returncode == EMULATOR_MISSING:
            pytest.skip(done.stderr.strip())
        assert (done.returncode, done.stdout.strip()) == (0, expected), done.stdout + done.stderr
