"""Fixtures for the whole suite."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnfast.bench import records
from rnnfast.bench.cases import Case
from rnnfast.bench.peers import CHOSEN
from rnnfast.bench.records import Point, Result
from rnnfast.bench.suites import MEMORY, SUITES

# Read before any test changes the environment.
_USER_FOLDER = os.environ.get("RNNFAST_DATA")
_BESIDE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def find_data() -> Callable[[str], Path]:
    """Path of a real archive by its file name; skips the test where there is none."""

    def find(file_name: str) -> Path:
        folders = [Path(_USER_FOLDER)] if _USER_FOLDER else []
        for folder in [*folders, _BESIDE_CHECKOUT]:
            if (folder / file_name).is_file():
                return folder / file_name
        pytest.skip(f"{file_name} is neither in RNNFAST_DATA ({_USER_FOLDER or 'not set'}) nor in {_BESIDE_CHECKOUT}")

    return find


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for XDG_CACHE_HOME that all tests with the real data share: tokenising the reviews takes a while."""
    return tmp_path_factory.mktemp("real-cache")


@pytest.fixture(scope="session")
def _matplotlib_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where matplotlib keeps its list of fonts, which takes seconds to make."""
    return tmp_path_factory.mktemp("matplotlib")


@pytest.fixture
def environment(tmp_path: Path, _matplotlib_folder: Path) -> dict[str, str]:
    """For a process of a user who has no data, an empty cache, and no network."""
    nowhere = "http://127.0.0.1:9"  # the discard port: refused at once
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RNNFAST_")}
    return {
        **kept,
        "XDG_CACHE_HOME": str(tmp_path / "cache-home"),
        "MPLCONFIGDIR": str(_matplotlib_folder),
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def run_python(tmp_path: Path, environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python as a user would, in an empty folder; other keyword arguments are added to its environment."""

    def run(*arguments: str, seconds: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    return run


@pytest.fixture
def rnnfast(run_python) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m rnnfast`; without the modules that `missing` names, as if they were not installed."""

    def run(*arguments: str, missing: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
        if not missing:
            return run_python("-m", "rnnfast", *arguments, **variables)
        code = f"import sys, runpy; sys.modules.update(dict.fromkeys({missing!r})); "
        code += "runpy.run_module('rnnfast', run_name='__main__')"
        return run_python("-c", code, *arguments, **variables)

    return run


@pytest.fixture
def png_size() -> Callable[[Path], tuple[int, int]]:
    """Width and height of a PNG file whose every part has the right checksum; AssertionError for anything else."""

    def size(path: Path) -> tuple[int, int]:
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", path
        place, kinds, pixels = 8, [], b""
        while place < len(data):
            length = int.from_bytes(data[place : place + 4], "big")
            part, checksum = data[place + 4 : place + 8 + length], data[place + 8 + length : place + 12 + length]
            assert zlib.crc32(part).to_bytes(4, "big") == checksum, path
            kinds.append(part[:4])
            pixels += part[4:] if part[:4] == b"IDAT" else b""
            place += 12 + length
        assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND"), path
        assert len(set(zlib.decompress(pixels))) > 2, f"{path} is blank"
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")

    return size


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras, as an oracle; skips the test where it cannot be imported. Mark such a test to ignore warnings."""
    backend = next((name for name in ("jax", "torch") if find_spec(name)), "numpy")
    os.environ.setdefault("KERAS_BACKEND", backend)
    return pytest.importorskip("keras", reason="Keras is not installed", exc_type=ImportError)


@pytest.fixture
def numeric_gradient() -> Callable:
    """The gradient of a scalar function by central differences in float64, moving `array` in place and back."""

    def gradient(f: Callable[[], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
        assert array.dtype == np.float64
        result = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + step
            above = f()
            array[index] = kept - step
            below = f()
            array[index] = kept
            result[index] = (above - below) / (2 * step)
        return result

    return gradient


# Of the made-up results: how many times as long as rnnfast each takes.
CONTENDERS = {CHOSEN: 1.0, "cpu/panel": 1.0, "cpu/lanes": 1.3, "cpu/stationary": 0.9, "torch": 8.0, "JAX scan": 4.0}


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Result]:
    """Some suites as if they had been run: times of 50 GFLOP/s and more, with 2% of noise."""

    def result(*suites: str, seed: int = 0, slower: float = 1.0, commit: str = "abc1234") -> Result:
        rng = np.random.default_rng(seed)
        made = Result(
            {
                "processor": "A Processor <1 GHz> & more",
                "system": "Linux",
                "node": "here",
                "cores": "2",
                "caches": "L1 32K",
                "isa": "avx2",
                "isas": ["avx2"],
                "multiply_add": {"1": 100.0, "2": 200.0},
                "read": {"16 KB": {"1": 100.0, "2": 200.0}, "128 MB": {"1": 12.0, "2": 20.0}},
                "versions": {"Python": "3.12", "rnnfast": "0.1.0", "torch": "2.13.0"},
                "commit": commit,
                "time": f"2026-01-{seed + 1:02d}T00:00:00Z",
            },
            {"threads": 2, "seconds": None, "suites": list(suites), "lacking": {"OpenVINO": ["openvino"]}},
        )
        for name in suites:
            suite = SUITES[name]
            for case in suite.cases:
                for what in case.passes:
                    made.points += _points(name, case, what, rng, slower)
        return made

    def _points(name: str, case: Case, what: str, rng: np.random.Generator, slower: float) -> list[Point]:
        points = []
        suite = SUITES[name]
        for threads in (1, 2) if suite.axis == "threads" else (2,):
            for contender, times in CONTENDERS.items():
                if suite.own and contender[0] in "tJ":
                    continue
                point = Point(name, case, what, contender, threads, own=contender[0] not in "tJ", error=1e-6)
                points.append(point)
                if contender == "cpu/lanes" and case.hidden_size > 64:
                    point.status, point.note = records.LEFT_OUT, "takes hidden_size up to 64 <script>"
                    continue
                if contender == "torch" and what == "forward" and case == suite.cases[0]:
                    point.status, point.error = records.WRONG, 0.5
                    continue
                work = 5e-5 + case.forward_flops * (1 if what == "forward" else 3) / 1e11
                seconds = work * times * (slower if point.own else 1) / threads**0.9
                point.rounds = list(seconds * rng.lognormal(sigma=0.02, size=20))
                if suite.measure == MEMORY:
                    point.unit, point.rounds = "B", [float(round(seconds * 1e10))] * 3
        return points

    return result


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

WATCH = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("securitypolicyviolation", (event) => errors.push(event.blockedURI + " " + event.violatedDirective));
</script>"""

PROBE = f"<script>{Path(__file__).with_name('page_probe.js').read_text()}</script>"


@pytest.fixture
def browse(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What a probe at the end of a report's page finds in Chromium: colours, plots, the room that the page takes, and
    a table by its number as it is, and as pressing a heading sorts it, twice. Skips the test where there is none."""
    if BROWSER is None:
        pytest.skip("no Chromium")

    def find(page: Path, *options: str, heading: str = "median", table: int = 1) -> dict[str, Any]:
        text = page.read_text().replace("<head>", "<head>" + WATCH)
        probe = PROBE.replace("HEADING", heading).replace("TABLE", str(table))
        probed = tmp_path / "probed.html"
        probed.write_text(text.replace("</body>", probe + "</body>"))
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={tmp_path / 'profile'}", *options, "--dump-dom", probed.as_uri()]
        dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
        return json.loads(unescape(dom.split('<pre id="found">')[1].split("</pre>")[0]))

    return find
