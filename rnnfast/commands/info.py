"""Say what this machine has, and what of rnnfast runs on it.

Processor, instruction sets, cores, caches and threads; every backend with its kernel variants; versions of rnnfast
and of what it can use. What cannot be found out is said to be unknown.
"""

from __future__ import annotations

import argparse
import platform
import re
from collections.abc import Callable, Iterator
from importlib import metadata

import numpy as np

import rnnfast
from rnnfast import _cpu
from rnnfast.machine import caches, cores, processor_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything is printed, but for what takes time."""
    parser.add_argument(
        "--measure", action="store_true", help="measure the processor's peaks and the kernels' share of them (seconds)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Prints it."""
    sections: list[tuple[str, Callable[[], Iterator[tuple[str, str]]]]] = [
        ("Machine", machine),
        ("Backends", backends),
        ("Versions", versions),
    ]
    if arguments.measure:
        sections.insert(1, ("Measured", measured))
    for title, rows in sections:
        print(f"{title}")
        for name, value in rows():
            print(f"  {name:<18}{value}")


def machine() -> Iterator[tuple[str, str]]:
    """The hardware, as far as rnnfast uses it."""
    yield "system", _known(platform.platform)
    yield "processor", _known(processor_name)
    yield "instruction sets", _known(lambda: f"{', '.join(_cpu.supported_isas())}; used: {rnnfast.isa()}")
    yield "cores", _known(cores)
    yield "threads used", _known(lambda: str(rnnfast.get_num_threads()))
    yield "caches", _known(caches)


def measured() -> Iterator[tuple[str, str]]:
    """What one thread and all of them can do at most, and how near the kernels come to it; float32."""
    from rnnfast.bench import peaks

    threads = rnnfast.get_num_threads()
    isa = rnnfast.isa()
    counts = sorted({1, threads})
    rates = {count: peaks.multiply_add(isa, count) for count in counts}
    for count, rate in rates.items():
        yield "multiply-add", f"{rate:.0f} GFLOP/s with {peaks.threads_in_words(count)}"
    for name, size in peaks.READ_SIZES.items():
        reads = ", ".join(
            f"{peaks.read(isa, size, count):.0f} GB/s with {peaks.threads_in_words(count)}" for count in counts
        )
        yield f"reads, {name}", reads
    for case in peaks.CASES:
        for direction, rate in peaks.kernels(case).items():
            yield f"{direction}", f"{rate:.0f} GFLOP/s, {rate / rates[threads]:.0%} of the peak, at B, T, I, H = {case}"


def backends() -> Iterator[tuple[str, str]]:
    """Every backend: whether it runs, and its kernels."""
    for name, reason in rnnfast.backends():
        yield name, "runs" if reason is None else f"does not run: {reason}"
        for variant in rnnfast.variants(name):
            yield "", f"{variant.name}: {variant.strategy} ({variant.accepts})"


def versions() -> Iterator[tuple[str, str]]:
    """rnnfast, what it stands on, and the packages of its extras."""
    yield "rnnfast", rnnfast.__version__
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()})"
    yield "NumPy", np.__version__
    for package, extras in optional_packages().items():
        yield package, f"{_version(package)} [{', '.join(extras)}]"


def optional_packages() -> dict[str, list[str]]:
    """The packages that rnnfast's extras name, and which extras name them."""
    packages: dict[str, list[str]] = {}
    try:
        requirements = metadata.requires("rnnfast") or []
    except metadata.PackageNotFoundError:
        return packages
    for requirement in requirements:
        found = re.match(r"([\w.-]+).*extra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        if found and found[1] != "rnnfast":
            packages.setdefault(found[1], []).append(found[2])
    return packages


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _known(find: Callable[[], str]) -> str:
    """What `find` says, or why it could not: one fact that is missing must not hide the others."""
    try:
        return find()
    except Exception as error:
        return f"unknown ({error})"
