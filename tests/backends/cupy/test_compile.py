"""The kernels as NVIDIA's compiler makes them: every instance, no spills, and the registers that the table says."""

from __future__ import annotations

import json
from typing import Any

import nvrtc
import occupancy
import pytest
from nvrtc import ARCHITECTURES, TABLE, Nvrtc, Resources

from rnnfast.backends import gpu_block, gpu_graph, gpu_instances, gpu_persistent

OWN = (gpu_graph.FILE, gpu_block.FILE, gpu_persistent.FILE)  # must keep all they have in registers
REGISTERS = 65536


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    return json.loads(TABLE.read_text())


@pytest.fixture(scope="module")
def compiler() -> dict[int, Nvrtc]:
    """What is loaded already, by toolkit."""
    return {}


def check(compiler: dict[int, Nvrtc], toolkit: int, architecture: int, file: str, names: list[str], table: Any) -> None:
    try:
        compiler.setdefault(toolkit, Nvrtc(toolkit))
    except FileNotFoundError as error:
        pytest.skip(f"{error} (extra: nvrtc)")
    found = compiler[toolkit].compile(file, names, architecture)
    assert list(found) == names
    if file in OWN:
        assert [name for name, row in found.items() if row.stack or row.spilled] == []
    if compiler[toolkit].version == table["nvrtc"]:
        rows = {name: Resources(*table[f"sm_{architecture}"][name]) for name in names}
        assert found == rows, "the table is old: python tests/cuda_emulation/nvrtc.py"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_table_has_every_instance_and_none_spills(architecture: int, table: dict[str, Any]) -> None:
    instances = gpu_instances.instances(architecture)
    rows = table[f"sm_{architecture}"]
    assert list(rows) == [name for names in instances.values() for name in names]
    assert [name for file in OWN for name in instances[file] if any(rows[name][1:])] == []


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_instance_has_registers_for_all_its_threads(architecture: int, table: dict[str, Any]) -> None:
    rows = {name: Resources(*row) for name, row in table[f"sm_{architecture}"].items()}
    for tile in gpu_block.TILES:
        for direction in gpu_instances.DIRECTIONS:
            if tile.expression(direction) in rows:
                assert rows[tile.expression(direction)].registers * tile.threads <= REGISTERS
    for name in gpu_instances.instances(architecture)[gpu_persistent.FILE]:
        assert rows[name].registers * gpu_persistent.LANES * gpu_persistent.MOST_WARPS <= REGISTERS


def test_the_table_of_the_documentation_is_that_of_the_registers() -> None:
    assert occupancy.table() in occupancy.PAGE.read_text(), "python tests/cuda_emulation/occupancy.py"


# One instance of each file for each architecture, another for each; all of them: pytest -m exhaustive.
SAMPLE = [
    (toolkit, architecture, file, names[(5 * place + offset) % len(names)])
    for toolkit, architectures in ((13, ARCHITECTURES), (12, (75, 90)))
    for place, architecture in enumerate(architectures)
    for offset, file in enumerate(OWN)
    for names in [gpu_instances.instances(architecture)[file]]
]


@pytest.mark.parametrize(("toolkit", "architecture", "file", "name"), SAMPLE)
def test_some_instances(
    toolkit: int, architecture: int, file: str, name: str, compiler: dict[int, Nvrtc], table: dict[str, Any]
) -> None:
    check(compiler, toolkit, architecture, file, [name], table)


@pytest.mark.exhaustive
@pytest.mark.parametrize("toolkit", nvrtc.TOOLKITS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("file", gpu_instances.instances(90))
def test_all_instances(
    file: str, architecture: int, toolkit: int, compiler: dict[int, Nvrtc], table: dict[str, Any]
) -> None:
    names = gpu_instances.instances(architecture)[file]
    check(compiler, toolkit, architecture, file, names, table)


def test_what_does_not_compile_is_an_error(compiler: dict[int, Nvrtc], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvrtc.cuda_kernels, "source", lambda file: "__global__ void f() { undeclared(); }")
    try:
        compiler.setdefault(13, Nvrtc(13))
    except FileNotFoundError as error:
        pytest.skip(f"{error} (extra: nvrtc)")
    with pytest.raises(RuntimeError, match='identifier "undeclared" is undefined'):
        compiler[13].compile("f.cu", ["f"], 90)
