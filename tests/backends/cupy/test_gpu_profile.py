"""`rnnfast profile --backend cupy`, on emulated kernels: their clock is the number of operations."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from emulated_arrays import TO_HOST
from emulated_events import MILLISECONDS

import rnnfast
from rnnfast import cli
from rnnfast.backends import gpu_phases, gpu_variants
from rnnfast.problem import Problem
from rnnfast.profiler import gpu_passes
from rnnfast.profiler.passes import LEAST_CALLS, PassProfile, plan_for

PROBLEM = Problem(5, 3, 4, 6)
SMALL = ["profile", "--backend", "cupy", "--hidden", "6", "--input", "4", "--batch", "3", "--seq-len", "5"]
SMALL += ["--seconds", "0.01"]
DIRECTIONS = ("forward", "backward")


def profiled(variant: str = "stepwise") -> list[PassProfile]:
    peaks = gpu_passes.peaks(gpu_passes.current_device(), "float32")
    return [*gpu_passes.profile_passes(PROBLEM, variant, DIRECTIONS, peaks=peaks, seconds=1e-3)]


def test_times_are_those_of_the_operations(emulated_cupy: ModuleType) -> None:
    """Counted by hand, of a graph's launch; outside the phases h0 and dh_n are set to zeros."""
    milliseconds = [{row.name: row.seconds * 1e3 / MILLISECONDS for row in one.rows} for one in profiled()]
    assert milliseconds == [
        pytest.approx({"input projection": 1, "recurrence": 8, "call overhead": 1}),
        pytest.approx({"backward recurrence": 8, "input gradient": 1, "weight gradients": 3, "call overhead": 1}),
    ]


@pytest.mark.parametrize("variant", gpu_variants.VARIANTS)
def test_phases_and_overhead_are_the_pass(variant: str, emulated_cupy: ModuleType) -> None:
    choice = gpu_variants.choose(PROBLEM, gpu_passes.current_device(), variant)
    for one in profiled(variant):
        assert one.calls == max(1, LEAST_CALLS // 4)
        assert sum(row.seconds for row in one.rows) == pytest.approx(one.wall)
        assert one.wall - one.overhead == pytest.approx(one.threads[0][0])
        begins = {event.phase: event.begin for event in one.events}
        whole = next(event for event in one.events if event.phase == one.direction)
        assert one.begin == whole.begin == min(begins.values())
        assert sum(event.own for event in one.events) == whole.end - whole.begin
        assert one.occupancy == choice.occupancy(one.direction)


def test_rates(emulated_cupy: ModuleType) -> None:
    """T, B, I, H = 5, 3, 4, 6, and an operation takes half a millisecond."""
    forward, backward = ({row.name: row for row in one.rows} for one in profiled())
    tick = MILLISECONDS * 1e6  # nanoseconds
    assert forward["input projection"].gflop_per_s == pytest.approx(2 * 5 * 3 * 4 * 6 / tick)
    assert forward["input projection"].gb_per_s == pytest.approx(4 * (5 * 3 * 4 + 5 * 3 * 6 + 4 * 6) / tick)
    assert forward["recurrence"].gflop_per_s == pytest.approx(2 * 5 * 3 * 6 * 6 / (8 * tick))
    assert forward["recurrence"].gb_per_s == pytest.approx(4 * 2 * 5 * 3 * 6 / (8 * tick))  # y in and out
    assert backward["weight gradients"].gflop_per_s == pytest.approx(2 * 5 * 3 * 6 * (4 + 6) / (3 * tick))
    # 6 multiprocessors of 128 multiplications and additions a clock, 1.98 GHz; 5120 bits twice a clock of 2.619 GHz
    peaks = gpu_passes.peaks(gpu_passes.current_device(), "float32")
    assert peaks.gflop_per_s == pytest.approx(6 * 256 * 1.98)
    assert peaks.gb_per_s == {"DRAM": pytest.approx(2 * 2.619 * 5120 / 8)}
    projection = forward["input projection"]
    assert projection.gflop_per_s is not None
    assert projection.bound.compute == pytest.approx(projection.gflop_per_s / peaks.gflop_per_s)
    assert projection.bound.name == "latency"
    assert forward["call overhead"].bound.name == "overhead"


def test_the_gpu_is_waited_for_twice_a_pass(emulated_cupy: ModuleType) -> None:
    """To learn how long a call takes, and at the end."""
    TO_HOST.clear()
    profiled()
    assert set(TO_HOST) == {"all streams of a device"}
    assert len(TO_HOST) == 2 * len(DIRECTIONS)
    assert gpu_phases._running is None


def test_the_command(emulated_cupy: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / "new" / f"profile.{name}" for name in ("json", "html", "trace")}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    assert cli.main([*SMALL, "--backward", *options]) == 0
    out = capsys.readouterr().out
    assert "Peaks of an emulated GPU by its clocks, not measured: 3041 GFLOP/s" in out
    assert plan_for(PROBLEM, "auto", "cupy").explain() in out
    headings = next(line for line in out.splitlines() if "registers" in line and "variant" in line)
    assert headings.split()[-4:] == ["registers", "shared", "memory", "occupancy"]
    assert "all threads" not in out
    found = json.loads(files["json"].read_text())
    assert found["device"] == "an emulated GPU"
    assert found["peaks"]["gb_per_s"].keys() == {"DRAM"}
    assert found["no_counters"] is None
    passes = [(one["variant"], one["direction"]) for one in found["passes"]]
    assert passes == [(variant, direction) for variant in gpu_variants.VARIANTS for direction in DIRECTIONS]
    for one in found["passes"]:
        assert sum(row["seconds"] for row in one["rows"]) == pytest.approx(one["wall"])
        occupancy = one["occupancy"]
        kernel = occupancy["kernel"]
        assert kernel["expression"].startswith(f"{one['variant']}_{one['direction']}<")
        stated = f"{kernel['blocks']} blocks of {kernel['threads']} threads, {occupancy['registers']} registers each"
        assert stated in out
        assert f"{occupancy['at_once']} at once on a multiprocessor, {occupancy['share']:.0%} of its threads" in out
    events = json.loads(files["trace"].read_text())["traceEvents"]
    assert {event["args"]["name"] for event in events if event["name"] == "thread_name"} == {"an emulated GPU"}
    assert min(event["ts"] for event in events if event["ph"] == "X") == 0
    page = files["html"].read_text()
    assert "Rates are of the whole GPU." in page
    assert "forward: threads" not in page.lower()


def test_one_variant_and_one_that_does_not_take_it(
    emulated_cupy: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*SMALL, "--variant", "block"]) == 0
    out = capsys.readouterr().out
    assert "block forward:" in out
    assert "stepwise forward:" not in out
    assert "backward recurrence" not in out
    assert cli.main([*SMALL, "--variant", "panel"]) == 2
    assert "stepwise, block, persistent" in capsys.readouterr().err


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert cli.main(SMALL) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert "--backend: 'cupy' cannot run here: CuPy is not installed: pip install cupy-cuda12x" in error


def test_a_backend_that_has_no_phases(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL[:2], "numba", *SMALL[3:]]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--backend: expected one of cpu, cupy, got 'numba'" in error


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    """What only a GPU's own clock can show: phases that take time, and add up to the pass."""
    from rnnfast.backends import REGISTRY

    reason = REGISTRY["cupy"].unavailable()
    if reason is not None:
        pytest.skip(reason)
    for variant in rnnfast.variants("cupy"):
        for one in profiled(variant.name):
            assert all(row.seconds > 0 for row in one.rows[:-1])
            assert one.overhead >= 0
            assert sum(row.seconds for row in one.rows) == pytest.approx(one.wall, rel=1e-3)
