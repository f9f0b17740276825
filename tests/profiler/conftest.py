"""Fixtures of the profiler's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

import rnnfast
from rnnfast import _cpu
from rnnfast.bench.cases import Case
from rnnfast.profiler import native


@pytest.fixture
def timers() -> Iterator[None]:
    """Switched on, and nothing to be read yet."""
    _cpu.set_profiling(True)
    native.take_events()
    yield
    _cpu.set_profiling(False)
    native.take_events()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For every call."""
    before = rnnfast.get_num_threads()
    rnnfast.set_num_threads(1)
    yield
    rnnfast.set_num_threads(before)


@pytest.fixture
def passes_of() -> Callable[..., dict[str, Callable[[], Any]]]:
    """Both passes of a case (batch, seq_len, input_size, hidden_size), to be called."""

    def make(*sizes: int, variant: str = "panel", **arrays: Any) -> dict[str, Callable[[], Any]]:
        case = Case(*sizes)
        plan = case.plan(variant=variant)
        x, w_ih, w_hh, b, dy = case.arrays().values()
        y, _ = plan.forward(x, w_ih, w_hh, b, **arrays)
        return {
            "forward": partial(plan.forward, x, w_ih, w_hh, b, **arrays),
            "backward": partial(plan.backward, dy, x, y, w_ih, w_hh, **arrays),
        }

    return make
