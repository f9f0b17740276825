"""Where an archive is found, and what a download leaves behind."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from rnnfast.datasets import locate

FETCH = pooch.HTTPDownloader.__call__  # before the fixture takes the network away
CONTENT = bytes(range(256)) * 1000


def accept(path: Path) -> None:
    assert path.read_bytes() == CONTENT


def refuse(path: Path) -> None:
    raise ValueError("three reviews")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a server on this machine that has `file`, and `short`, which ends half-way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in ("/file", "/short") else 404)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path == "/short" else CONTENT)

        def log_message(self, *arguments: object) -> None: ...

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", FETCH)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_the_users_folder_comes_first(data_folder: Path, cache_home: Path, downloads: list[str]) -> None:
    (cache_home / "rnnfast").mkdir(parents=True)
    (cache_home / "rnnfast" / "file").touch()
    assert locate.find("file", "url", refuse) == cache_home / "rnnfast" / "file"
    (data_folder / "file").touch()
    assert locate.find("file", "url", refuse) == data_folder / "file"
    assert downloads == []


def test_a_users_folder_that_is_none(monkeypatch, tmp_path: Path, downloads: list[str]) -> None:
    monkeypatch.setenv("RNNFAST_DATA", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match=r"^RNNFAST_DATA: expected a folder, got '.*absent'"):
        locate.find("file", "url", accept)
    assert downloads == []


def test_offline_says_where_to_put_the_file(data_folder: Path, cache_home: Path, downloads: list[str], files_below):
    with pytest.raises(FileNotFoundError) as raised:
        locate.find("file.zip", "https://host/file.zip", accept)
    message = str(raised.value)
    assert message.startswith(f"file.zip: not in {data_folder} or {cache_home / 'rnnfast'}")
    assert "https://host/file.zip (ConnectionError: no network in tests)" in message
    assert f"Put file.zip into {cache_home / 'rnnfast'}" in message
    assert "set RNNFAST_DATA" in message
    assert downloads == ["https://host/file.zip"]
    assert files_below(cache_home) == []


def test_without_pooch_the_message_says_what_to_install(monkeypatch) -> None:
    real_import = builtins.__import__

    def without_pooch(name: str, *arguments: object, **options: object) -> object:
        if name == "pooch":
            raise ModuleNotFoundError("No module named 'pooch'")
        return real_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pooch)
    with pytest.raises(FileNotFoundError, match=r"No module named 'pooch'; pip install 'rnnfast\[train\]'"):
        locate.find("file", "url", accept)


def test_a_download_lands_in_the_cache(server: str, cache_home: Path, files_below, capfd) -> None:
    path = locate.find("file", f"{server}/file", accept)
    assert path == cache_home / "rnnfast" / "file"
    assert path.read_bytes() == CONTENT
    assert files_below(cache_home) == ["rnnfast/file"]
    printed = capfd.readouterr()
    assert "256.0/256.0 kB" in printed.err  # the bar, which keeps out of the way of what the program prints
    assert printed.out == ""
    # Found from now on, even where the server is gone.
    assert locate.find("file", "http://127.0.0.1:9/none", refuse) == path


def test_a_download_that_fails_the_check_leaves_nothing(server: str, cache_home: Path, files_below) -> None:
    with pytest.raises(ValueError, match=r"/file: the download is not the archive .* three reviews"):
        locate.find("file", f"{server}/file", refuse)
    assert files_below(cache_home) == []


def test_a_download_that_breaks_off_leaves_nothing(server: str, cache_home: Path, files_below) -> None:
    with pytest.raises(FileNotFoundError, match=r"IncompleteRead|broken"):
        locate.find("short", f"{server}/short", accept)
    assert files_below(cache_home) == []


def test_a_page_that_is_not_there_leaves_nothing(server: str, cache_home: Path, files_below) -> None:
    with pytest.raises(FileNotFoundError, match="404"):
        locate.find("other", f"{server}/other", accept)
    assert files_below(cache_home) == []
