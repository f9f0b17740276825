"""GPUs by name, for plans that are made where there is none."""

from __future__ import annotations

from rnnfast.backends.gpu_device import Device, generation


def _chip(
    name: str,
    capability: int,
    multiprocessors: int,
    gigahertz: float,
    gigabytes_a_second: float,
    l2_megabytes: int,
    mma_flops: int | None = None,
) -> Device:
    known = generation(capability)
    return Device(
        name=name,
        capability=capability,
        multiprocessors=multiprocessors,
        shared_bytes=known.block_shared_bytes,
        multiprocessor_shared_bytes=known.shared_bytes,
        registers=65536,
        threads=known.threads,
        blocks=known.blocks,
        l2_bytes=l2_megabytes << 20,
        gigahertz=gigahertz,
        gigabytes_a_second=gigabytes_a_second,
        mma_flops=mma_flops or known.mma_flops,
    )


# NVIDIA's data sheets and architecture white papers; boost clocks. H100 and H200 are those on SXM boards, A100 the one
# with 80 GB there. The tensor cores of GeForce add up in float32 at half the rate.
_CHIPS = (
    _chip("T4", 75, 40, 1.590, 320, 4),
    _chip("A100", 80, 108, 1.410, 2039, 40),
    _chip("L4", 89, 58, 2.040, 300, 48),
    _chip("L40S", 89, 142, 2.520, 864, 96),
    _chip("RTX 4090", 89, 128, 2.520, 1008, 72, 512),
    _chip("H100", 90, 132, 1.980, 3350, 50),
    _chip("H200", 90, 132, 1.980, 4800, 50),
    _chip("B200", 100, 148, 1.965, 8000, 126),
    _chip("RTX 5090", 120, 170, 2.407, 1792, 96, 512),
)

CHIPS = {chip.name.lower().replace(" ", ""): chip for chip in _CHIPS}
"""By the name in small letters without spaces: h100, rtx4090."""


def find(name: str) -> Device:
    """The chip of that name, however its letters and spaces are written.

    Raises:
        ValueError: it is not known.
        TypeError: the name is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f"device: expected the name of a GPU, got {name!r}")
    chip = CHIPS.get(name.lower().replace(" ", ""))
    if chip is None:
        raise ValueError(f"device: expected one of {', '.join(CHIPS)}, got {name!r}")
    return chip
