"""The backends by name. An unknown name raises with the list of known ones; nothing falls back in silence."""

from __future__ import annotations

from typing import NamedTuple

from rnnfast.backends.base import Backend, Plan, Variant
from rnnfast.backends.cpu import CpuBackend
from rnnfast.backends.cupy import CupyBackend
from rnnfast.backends.numba import NumbaBackend
from rnnfast.backends.reference import ReferenceBackend
from rnnfast.problem import check_option

# In the order in which "auto" prefers them.
REGISTRY: dict[str, Backend] = {
    backend.name: backend for backend in (CpuBackend(), CupyBackend(), NumbaBackend(), ReferenceBackend())
}


class BackendStatus(NamedTuple):
    """A backend's name, and why it cannot run here (None: it can)."""

    name: str
    unavailable: str | None


def backends() -> list[BackendStatus]:
    """Every backend, and for each that cannot run here, the reason."""
    return [BackendStatus(name, backend.unavailable()) for name, backend in REGISTRY.items()]


def variants(backend: str) -> tuple[Variant, ...]:
    """The kernels of a backend, each with its strategy and the problems that it accepts.

    Raises:
        ValueError: the backend is not known.
    """
    check_option("backend", backend, tuple(REGISTRY))
    return REGISTRY[backend].variants()


def find(backend: str) -> Backend:
    """The backend of that name, or for `auto` the first that runs here.

    Raises:
        ValueError: the backend is not known.
        RuntimeError: it cannot run here.
    """
    check_option("backend", backend, ("auto", *REGISTRY))
    if backend == "auto":
        return next(candidate for candidate in REGISTRY.values() if candidate.unavailable() is None)
    reason = REGISTRY[backend].unavailable()
    if reason is not None:
        raise RuntimeError(f"backend: {backend!r} cannot run here: {reason}")
    return REGISTRY[backend]


def memory_of(backend: str) -> str:
    """Where the arrays of a model lie that has a backend: "CPU", also with "auto", or "GPU"."""
    return REGISTRY["cpu" if backend == "auto" else backend].memory


def find_with_devices(backend: str) -> Backend:
    """The backend of that name, whether or not it runs here, or for `auto` the one that knows devices by name.

    Raises:
        ValueError: the backend is not known.
    """
    check_option("backend", backend, ("auto", *REGISTRY))
    return REGISTRY["cupy" if backend == "auto" else backend]


__all__ = [
    "REGISTRY",
    "Backend",
    "BackendStatus",
    "Plan",
    "Variant",
    "backends",
    "find",
    "find_with_devices",
    "memory_of",
    "variants",
]
