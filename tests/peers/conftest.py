"""The optional group `pytest -m peers`: randomised options against other frameworks, and how many were compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

AGREED: dict[str, set[str]] = defaultdict(set)
"""The different combinations of options that agreed, by peer."""


@pytest.fixture(scope="session")
def agree() -> Callable[..., None]:
    """Compares arrays with a peer's, and counts the combination of options that they came from."""

    def compare(peer: str, options: Any, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            expected = np.asarray(theirs[name])
            assert array.dtype == expected.dtype, name
            exact = array.dtype == np.float64
            # Rounding is relative to the largest element: small ones are differences of larger ones.
            scale = max(1.0, np.abs(expected).max(initial=0))
            rtol, atol = (1e-9, 1e-11) if exact else (1e-4, 1e-5)
            np.testing.assert_allclose(array, expected, rtol=rtol, atol=atol * scale, err_msg=f"{name} of {options}")
        AGREED[peer].add(repr(options))

    return compare


PEERS = {"torch", "onnxruntime", "keras"}
LEAST = 2000
"""The different combinations that a run of the whole group compares; it fails with fewer."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    whole = AGREED.keys() >= PEERS and not session.config.option.keyword
    if whole and session.exitstatus == pytest.ExitCode.OK and sum(map(len, AGREED.values())) < LEAST:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if AGREED:
        each = ", ".join(f"{peer} {len(options)}" for peer, options in sorted(AGREED.items()))
        total = sum(map(len, AGREED.values()))
        terminalreporter.write_line(f"peers: {total} different combinations of options agree ({each})")
