"""Plans for GPUs that are known by name alone."""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import asdict, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnfast
from rnnfast.backends import gpu_chips, gpu_limits, gpu_registers, gpu_variants
from rnnfast.backends.gpu_chips import CHIPS
from rnnfast.backends.gpu_device import Device
from rnnfast.backends.gpu_limits import DIRECTIONS
from rnnfast.problem import Problem

SIZES = {"seq_len": 100, "batch": 32, "input_size": 64, "hidden_size": 256}


@pytest.fixture(autouse=True)
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here needs it."""
    monkeypatch.setitem(sys.modules, "cupy", None)


# TFLOP/s by NVIDIA's data sheets: float32, and 16 bits with sums in float32, dense.
DATA_SHEETS = {
    "t4": (8.1, 65),
    "a100": (19.5, 312),
    "l4": (30.3, 121),
    "l40s": (91.6, 362),
    "h100": (67, 990),
    "h200": (67, 990),
    "b200": (75, 2250),
    "rtx4090": (82.6, 165.2),
    "rtx5090": (104.8, 209.5),
}


@pytest.mark.parametrize("name", CHIPS)
def test_rates_are_those_of_the_data_sheets(name: str) -> None:
    """Within a tenth: H100, H200 and B200 state those of tensor cores at a lower clock than the others."""
    chip = CHIPS[name]
    clocks = chip.multiprocessors * chip.gigahertz / 1e3
    for rate, stated in zip((chip.flops("float32"), chip.mma_flops), DATA_SHEETS[name], strict=True):
        assert rate * clocks == pytest.approx(stated, rel=0.1)


@pytest.mark.parametrize("variant", gpu_variants.VARIANTS)
@pytest.mark.parametrize("name", CHIPS)
def test_every_chip_explains_every_variant(name: str, variant: str) -> None:
    plan = rnnfast.plan(**{**SIZES, "hidden_size": 64}, backend="cupy", device=name, variant=variant)
    text = plan.explain()
    assert text.startswith(f"cupy/{variant} on {CHIPS[name].name}, sm_{CHIPS[name].capability}: ")
    for direction in DIRECTIONS:
        assert f"\n{direction}: {variant}_{direction}<" in text
    # T, B, I, H = 100, 32, 64, 64: 2 B H^2 operations; y is read and written, or y and dy read and da written
    assert text.count("  a step: 262,144 operations, 16,384 bytes of memory\n") == 1
    assert text.count("  a step: 262,144 operations, 24,576 bytes of memory\n") == 1


def test_auto_is_a_gpu_when_one_is_named() -> None:
    plan = rnnfast.plan(**SIZES, device="h100")
    assert (plan.backend, plan.variant) == ("cupy", "block")
    assert plan.explain() == rnnfast.plan(**SIZES, backend="cupy", device=" H 100 ").explain()


def test_the_bound_of_a_step_by_hand() -> None:
    """16 blocks of 2 sequences, one on a multiprocessor; 5 of 8 chunks of w_hh in shared memory."""
    text = rnnfast.plan(**SIZES, device="h100", variant="block").explain()
    arithmetic, shared = 2 * 2 * 256**2 / 256, 256 * 256 * 4 * 5 / 8 / 128
    memory = 32 * 256 * 4 * 2 / (3350 / 1.98)
    ordered = {"shared memory": shared, "arithmetic": arithmetic, "latency (assumed)": 500, "memory": memory}
    stated = ", ".join(f"{name} {clocks / 1980:.3g} µs" for name, clocks in ordered.items())
    assert (
        f"at least {shared / 1980:.3g} µs a step, {shared / 19.8:.3g} µs in all, by shared memory: {stated}\n" in text
    )


def test_the_occupancy_by_hand() -> None:
    chip = CHIPS["h100"]
    assert chip.blocks_at_once(64, 32, 0) == 32  # blocks, and the threads of all of them
    assert chip.blocks_at_once(1024, 32, 0) == 2  # threads
    assert chip.blocks_at_once(128, 97, 0) == 4  # registers: 104 each, so 19 warps, of which 16 are full fours
    assert chip.blocks_at_once(64, 32, 100 * 1024) == 2  # shared memory
    assert chip.blocks_at_once(64, 32, 114 * 1024) == 1  # with 1 KB of CUDA's own for each block
    assert CHIPS["t4"].blocks_at_once(64, 32, 32 * 1024) == 2  # before sm_80 without


def test_weights_that_the_cache_does_not_hold_are_read_at_every_step() -> None:
    small, large = (gpu_variants.choose(Problem(9, 1, 8, 2048), CHIPS[name], "stepwise") for name in ("h100", "t4"))
    assert small.bytes("forward") == 2 * 2048 * 4
    assert large.bytes("forward") == 2 * 2048 * 4 + 2048**2 * 4
    assert large.limits("forward")[gpu_limits.MEMORY] > 100 * small.limits("forward")[gpu_limits.MEMORY]


def test_an_architecture_that_is_not_in_the_table_counts_as_the_one_below() -> None:
    name = "stepwise_forward<float>"
    assert gpu_registers.registers(name, 87) == gpu_registers.registers(name, 86)
    assert gpu_registers.registers(name, 61) == gpu_registers.registers(name, 75)
    assert gpu_registers.registers(name, 999) == gpu_registers.registers(name, 120)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"device": "h300"}, ValueError, "device: expected one of t4, a100, l4, .*rtx5090, got 'h300'"),
        ({"device": 0}, TypeError, "device: expected the name of a GPU, got 0"),
        ({"device": "h100", "backend": "cpu"}, ValueError, "device: backend 'cpu' has none to choose from, got 'h100'"),
        ({"device": "h100", "backend": "gpu"}, ValueError, "backend: expected one of auto, "),
        ({"device": "h100", "variant": "tiles"}, ValueError, "variant: expected one of auto, stepwise, "),
        ({"device": "h100", "heads": 2}, ValueError, "backend: 'cupy' takes "),
        ({"device": "t4", "variant": "block"}, ValueError, "variant: 'block' takes .* T4 has too little shared memory"),
    ],
    ids=str,
)
def test_bad_input(changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        rnnfast.plan(**{**SIZES, **changed})


def test_it_does_not_run() -> None:
    plan = rnnfast.plan(**SIZES, device="h100")
    x = np.zeros((100, 32, 64), np.float32)
    for call in (
        lambda: plan.forward(x, x, x, x),
        lambda: plan.backward(None, x, x, x, x),
        lambda: plan.forward_steps(x, x, x, x, h0=x, lengths=None, mask=None),
        lambda: plan.window_steps,
    ):
        with pytest.raises(RuntimeError, match=r"^device: a plan for H100 by its name can be explained alone; "):
            call()


def as_cupy(chip: Device, **left_out: None) -> ModuleType:
    """What CuPy would say of a chip."""
    attributes = {
        "ClockRate": round(chip.gigahertz * 1e6),
        "GlobalMemoryBusWidth": 5120,
        "L2CacheSize": chip.l2_bytes,
        "MaxBlocksPerMultiprocessor": chip.blocks,
        "MaxRegistersPerMultiprocessor": chip.registers,
        "MaxSharedMemoryPerBlockOptin": chip.shared_bytes,
        "MaxSharedMemoryPerMultiprocessor": chip.multiprocessor_shared_bytes,
        "MaxThreadsPerMultiProcessor": chip.threads,
        "MemoryClockRate": round(chip.gigabytes_a_second * 8e9 / 2e3 / 5120),
        "MultiProcessorCount": chip.multiprocessors,
    }
    device = type("Device", (), {"attributes": {n: v for n, v in attributes.items() if n not in left_out}})
    device.compute_capability = str(chip.capability)
    module = ModuleType("cupy")
    runtime = type("runtime", (), {"getDeviceProperties": staticmethod(lambda number: {"name": chip.name.encode()})})
    module.__dict__["cuda"] = type("cuda", (), {"Device": lambda number: device, "runtime": runtime})
    return module


def test_a_gpu_that_is_there_is_described_by_its_own_properties() -> None:
    chip = replace(CHIPS["h100"], name="H100 PCIe", multiprocessors=114, gigahertz=1.755, gigabytes_a_second=2000)
    found = asdict(Device.from_cupy(as_cupy(chip), 0))
    assert found.pop("gigabytes_a_second") == pytest.approx(2000, rel=1e-6)
    assert found == {name: value for name, value in asdict(chip).items() if name != "gigabytes_a_second"}


@pytest.mark.parametrize("lacking", ["ClockRate", "MemoryClockRate", "MaxBlocksPerMultiprocessor"])
def test_what_a_driver_does_not_say_is_assumed(lacking: str) -> None:
    found = Device.from_cupy(as_cupy(CHIPS["a100"], **{lacking: None}), 0)
    assert min(found.gigahertz, found.gigabytes_a_second, found.blocks) > 0


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_every_size_has_a_plan_everywhere(precision: str) -> None:
    """Whose bounds are finite, and grow with the work."""
    for name, direction in itertools.product(CHIPS, DIRECTIONS):
        bounds = []
        for hidden_size in (5, 64, 200, 1000, 4000):
            choice = gpu_variants.choose(Problem(9, 64, 8, hidden_size, precision=precision), CHIPS[name], "auto")
            bounds.append(max(choice.limits(direction).values()))
            assert re.search(r"\d+ at once on a multiprocessor", choice.explain())
            assert choice.kernel(direction).at_once(choice.device) >= 1
        assert bounds == sorted(bounds)


def test_the_names_are_found_as_people_write_them() -> None:
    assert gpu_chips.find("RTX 4090") is gpu_chips.find("rtx4090")
    assert gpu_chips.find("h100").name == "H100"
