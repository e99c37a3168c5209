"""``--static``: files beside the application, which is not asked."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from conftest import BOTH, Serve
from serving import Client


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "deep").mkdir(parents=True)
    (folder / "style.css").write_text("body {}")
    (folder / "deep" / "long.bin").write_bytes(os.urandom(3 << 20))
    return folder


@BOTH
def test_files_and_the_application_side_by_side(serve: Serve, site: Path, app: str) -> None:
    log = "%(h)s %(r)s %(s)s %(B)s %({content-type}o)s"
    flags = ("--static", f"/assets={site}", "--access-logfile", "-", "--access-logformat", log)
    server = serve(*flags, app=app)
    long = (site / "deep" / "long.bin").read_bytes()
    with server.client() as client:
        for _ in range(2):
            answer = client.ask("/assets/style.css")
            assert (answer.status, answer.text) == (200, "body {}")
            assert client.ask("/").body == b"Hello, World!"
            assert client.ask("/assets/deep/long.bin").body == long
            assert client.ask("/assets/none").status == 404
        assert client.ask("/assets/style.css", method="POST", body=b"x" * 100).status == 405
        tag = {"If-None-Match": answer.get("etag") or ""}
        assert client.ask("/assets/style.css", headers=tag).status == 304
        assert client.ask("/").status == 200
    server.wait_for_output("127.0.0.1 GET /assets/style.css HTTP/1.1 200 7 text/css; charset=utf-8")
    server.wait_for_output(f"GET /assets/deep/long.bin HTTP/1.1 200 {3 << 20}")
    server.wait_for_output("GET /assets/none HTTP/1.1 404")


def test_variants(serve: Serve, site: Path) -> None:
    (site / "style.css.gz").write_bytes(gzip.compress(b"body {}"))
    server = serve("--static", f"/assets={site}", "--static-max-age", "3600")
    answer = server.ask("/assets/style.css", headers={"Accept-Encoding": "gzip, br"})
    assert gzip.decompress(answer.body) == b"body {}"
    assert answer.get("content-encoding") == "gzip"
    assert answer.get("content-type") == "text/css; charset=utf-8"
    assert answer.get("cache-control") == "max-age=3600"
    assert server.ask("/assets/style.css").text == "body {}"


def test_files_while_every_thread_is_busy(serve: Serve, site: Path) -> None:
    server = serve("--static", f"/assets={site}")
    with server.client() as busy, Client(server.address) as other:
        busy.request("/slow?seconds=5")
        # Until it is begun: nothing else is answered then.
        other.request("/")
        assert server.ask("/assets/style.css").text == "body {}"
        other.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            other.answer()


def test_what_is_no_mount_keeps_it_from_starting(serve: Serve, site: Path) -> None:
    for wrong in ("/assets", f"assets={site}", "/assets=/none/such", f"/={site}"):
        server = serve("--static", wrong, ready=False)
        assert server.process.wait(30) == 2
        assert "`static_files` from the command line" in server.stderr, server.stderr
