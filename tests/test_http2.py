"""HTTP/2 by clients that people use, on plain sockets and through TLS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from certificates import Authority
from conftest import BOTH, Serve
from http2_client import Http2Client
from serving import DEADLINE_SECONDS, Served, wait_for


def told(server: Served) -> dict[str, Any]:
    """A client's options: it knows in advance that the server speaks HTTP/2."""
    host, port = server.address[0], server.address[1]
    return {
        "base_url": f"http://{host}:{port}",
        "http1": False,
        "http2": True,
        "timeout": DEADLINE_SECONDS,
        "trust_env": False,
    }


def client(server: Served) -> httpx.Client:
    return httpx.Client(**told(server))


@BOTH
def test_requests_are_seen_as_ever(serve: Serve, app: str) -> None:
    server = serve(app=app)
    with client(server) as asked:
        answer = asked.get("/hello")
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        assert answer.text == "Hello, World!"
        assert "connection" not in answer.headers
        assert answer.headers["server"] == "tonnage"
        assert asked.head("/hello").headers["content-length"] == "13"
        assert asked.get("/none").status_code == 404
        fields: list[tuple[str, str]] = [("cookie", "a=1"), ("cookie", "b=2"), ("x-one", "one")]
        if app.startswith("wsgi"):
            seen = asked.get("/environ?q=1", headers=fields).json()
            assert seen["SERVER_PROTOCOL"] == "HTTP/2.0"
            assert seen["HTTP_HOST"] == f"127.0.0.1:{server.address[1]}"
            assert seen["HTTP_COOKIE"] == "a=1; b=2"
            assert (seen["QUERY_STRING"], seen["HTTP_X_ONE"]) == ("q=1", "one")
        else:
            scope = asked.get("/scope?q=1", headers=fields).json()
            assert scope["http_version"] == "2"
            names = [name for name, _ in scope["headers"]]
            assert names[0] == "b'host'"
            assert ["b'cookie'", "b'a=1; b=2'"] in scope["headers"]
            assert scope["query_string"] == "b'q=1'"


@BOTH
def test_bodies_of_all_lengths_go_both_ways(serve: Serve, app: str) -> None:
    server = serve(app=app)
    with client(server) as asked:
        for length in (0, 1, 65_535, 65_536, 3_000_000):
            body = os.urandom(length)
            assert asked.post("/body", content=body).content == body
        # Without a length, as it is made.
        parts = [os.urandom(40_000) for _ in range(20)]
        assert asked.post("/body", content=iter(parts)).content == b"".join(parts)
        # What nobody wants stops nobody. (More than a window of it, this client would not stop
        # sending when it is told to.)
        assert asked.post("/ignores-body", content=os.urandom(60_000)).text == "ignored"
        assert asked.get("/hello").text == "Hello, World!"


def test_a_response_comes_part_by_part(serve: Serve) -> None:
    server = serve(app="asgi_app:app")
    with client(server) as asked, asked.stream("GET", "/slow-stream") as answer:
        assert next(iter(answer.iter_bytes())) == b"one "
    with client(server) as asked:
        assert asked.get("/stream").text == "one two three"
        assert len(asked.get("/large?bytes=5000000").content) == 5_000_000


@BOTH
def test_a_slow_request_holds_up_no_other_of_its_connection(serve: Serve, app: str) -> None:
    server = serve("--threads", "4", app=app)

    # (Of httpx's requests on one connection, one that waits keeps what came from the others.)
    with Http2Client(server) as client:
        slow = client.get("/held?seconds=15")
        wait_for(lambda: "a request is held" in server.stderr, "a request to be held")
        streams = [client.get("/hello") for _ in range(20)]
        for stream in streams:
            assert client.answer(stream).body == b"Hello, World!"
        assert not client.responses[slow].is_over


def test_a_client_that_goes_is_told_of(serve: Serve) -> None:
    server = serve(app="asgi_app:app")
    with client(server) as asked, asked.stream("GET", "/endless") as answer:
        next(answer.iter_raw())
    with client(server) as other:
        wait_for(lambda: "endless ended" in other.get("/events").json(), "the end of the stream")
        assert "no back-pressure" not in other.get("/events").json()


def test_the_access_log_has_a_line_for_each_stream(serve: Serve) -> None:
    server = serve("--access-logfile", "-", app="wsgi_app:app")
    with client(server) as asked:
        for _ in range(3):
            asked.get("/hello")
    wait_for(lambda: server.stdout.count('"GET /hello HTTP/2.0" 200 13') == 3, "three lines")


@BOTH
def test_tls_offers_it_and_tells_the_same_of_itself(serve: Serve, tmp_path: Path, app: str) -> None:
    authority = Authority(tmp_path)
    server = serve(*authority.arguments("localhost"), app=app)
    url = f"https://localhost:{server.address[1]}"
    path = "/environ" if app.startswith("wsgi") else "/scope"
    body = os.urandom(1_000_000)
    with httpx.Client(http2=True, verify=authority.context(), trust_env=False) as asked:
        answer = asked.get(url + path)
        assert answer.http_version == "HTTP/2"
        seen = answer.json()
        assert asked.post(f"{url}/body", content=body).content == body
    if app.startswith("wsgi"):
        assert (seen["wsgi.url_scheme"], seen["SSL_PROTOCOL"]) == ("https", "TLSv1.3")
    else:
        assert (seen["scheme"], seen["http_version"]) == ("https", "2")
        assert seen["extensions"]["tls"]["tls_version"] == 0x0304
    # Who does not know of it is served as before.
    with httpx.Client(verify=authority.context(), trust_env=False) as asked:
        assert asked.get(f"{url}/hello").http_version == "HTTP/1.1"


def test_where_it_is_off_it_is_refused(serve: Serve) -> None:
    server = serve("--http2-cleartext", "off", app="wsgi_app:app")
    with client(server) as asked, pytest.raises(httpx.HTTPError):
        asked.get("/hello")


CURL = shutil.which("curl")


@pytest.mark.skipif(
    CURL is None
    or b"HTTP2" not in subprocess.run(["curl", "--version"], capture_output=True).stdout,
    reason="there is no curl that speaks HTTP/2",
)
@BOTH
def test_curl_by_prior_knowledge(serve: Serve, app: str, tmp_path: Path) -> None:
    server = serve(app=app)
    body = os.urandom(1_000_000)
    (tmp_path / "body").write_bytes(body)
    host, port = server.address[0], server.address[1]
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--http2-prior-knowledge"]
    command += ["--data-binary", f"@{tmp_path / 'body'}", "--write-out", "%{stderr}%{json}"]
    run = subprocess.run([*command, f"http://{host}:{port}/body"], capture_output=True, check=True)
    assert run.stdout == body
    told = json.loads(run.stderr)
    assert (told["http_version"], told["response_code"]) == ("2", 200)


@pytest.mark.skipif(
    shutil.which("h2load") is None,
    reason="there is no h2load (Debian's package is nghttp2-client)",
)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@BOTH
def test_h2load_loses_nothing(serve: Serve, tmp_path: Path, app: str, secure: bool) -> None:
    """Many streams at once on several connections, by prior knowledge and by ALPN."""
    server = serve(*(Authority(tmp_path).arguments() if secure else ()), app=app)
    scheme = "https" if secure else "http"
    url = f"{scheme}://{server.address[0]}:{server.address[1]}/hello"
    command = ["h2load", "--requests=2000", "--clients=8", "--max-concurrent-streams=25", url]
    run = subprocess.run(command, capture_output=True, timeout=60, check=True, text=True)
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in run.stdout, run.stdout
    assert "status codes: 2000 2xx" in run.stdout
    protocol = "Application protocol: h2\n" if secure else "Application protocol: h2c\n"
    assert protocol in run.stdout, run.stdout
