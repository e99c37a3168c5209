"""What is said of requests that are refused, or turned away."""

from __future__ import annotations

import contextlib
import re
import select
from pathlib import Path

import pytest
from conftest import BOTH, Serve
from serving import DEADLINE_SECONDS, wait_for


@BOTH
@pytest.mark.parametrize(
    "atoms", ["%(s)s %(r)s %({host}i)s", "%(s)s %(r)s %({http_host}e)s"], ids=["rust", "python"]
)
def test_refused_requests_are_logged(serve: Serve, tmp_path: Path, app: str, atoms: str) -> None:
    """As gunicorn does: a warning for each, and a line where all fields could be read."""
    path = tmp_path / "access.log"
    server = serve("--access-logfile", str(path), "--access-logformat", atoms, app=app)
    for request, status, error in [
        (b"GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "invalid Content-Length"),
        (b"PUT /b HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "repeated host field"),
        (b"GET /no HTTP/1.1\nHost: a\r\n\r\n", 400, "bare LF"),
        (b"GET /no" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "request line too long"),
    ]:
        with server.client() as client:
            client.send(request)
            assert client.answer().status == status
        server.wait_for_log(f"[WARNING] Invalid request from ip=127.0.0.1: {error}")
    server.ask("/last")

    def lines() -> list[str]:
        written = path.read_text().splitlines() if path.exists() else []
        return [line for line in written if "/ready" not in line]

    wait_for(lambda: len(lines()) == 3, "three lines")
    assert lines()[0] == "400 GET /a HTTP/1.1 a"
    assert lines()[1] == "400 PUT /b HTTP/1.1 a"
    assert "GET /last" in lines()[2]


@BOTH
def test_a_bad_chunk_is_told_of(serve: Serve, app: str) -> None:
    server = serve(app=app)
    with server.client() as client:
        client.request("/body", method="POST", headers={"Transfer-Encoding": "chunked"})
        client.send(b"x\r\n")
        assert client.answer().status == 400
    server.wait_for_log("Invalid request from ip=127.0.0.1: invalid chunk size")


@BOTH
def test_a_flood_is_counted(serve: Serve, app: str) -> None:
    server = serve(app=app)
    for _ in range(300):
        with server.client() as client:
            client.send(b"\0")
            client.answer()

    def told() -> int:
        more = re.findall(r"Invalid requests beside these: (\d+)", server.stderr)
        return server.stderr.count("Invalid request from") + sum(int(number) for number in more)

    wait_for(lambda: told() == 300, "all of them to be told of")


@pytest.mark.parametrize(
    "atoms",
    ["%(m)s %(U)s %(s)s %(B)s %({user-agent}i)s", "%(m)s %(U)s %(s)s %(B)s %({http_user_agent}e)s"],
    ids=["rust", "python"],
)
@pytest.mark.parametrize("threads", ["1", "2"])
def test_requests_that_are_turned_away_are_logged(
    serve: Serve, tmp_path: Path, threads: str, atoms: str
) -> None:
    path = tmp_path / "access.log"
    server = serve(
        *("--max-queue", "1", "--threads", threads),
        *("--access-logfile", str(path), "--access-logformat", atoms),
    )
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(server.client()) for _ in range(int(threads))]
        for number, client in enumerate(busy, start=1):
            client.request("/held?seconds=2")
            server.wait_for_log("a request is held", number)
        late = {client.socket: client for client in (server.client(), server.client())}
        for client in late.values():
            stack.enter_context(client).request("/late", headers={"User-Agent": "late"})
        # One of the two waits, and the other is told at once.
        (told,), _, _ = select.select(late, [], [], DEADLINE_SECONDS)
        turned_away = late.pop(told)
        assert turned_away.answer().status == 503
        assert turned_away.ask("/late", method="HEAD").status == 503
        for client in (*busy, *late.values()):
            client.answer()

    def lines() -> list[str]:
        return [line for line in path.read_text().splitlines() if "/late 503" in line]

    wait_for(lambda: len(lines()) == 2, "two lines")
    text = "too many requests wait already\n"
    assert lines() == [f"GET /late 503 {len(text)} late", "HEAD /late 503 0 -"]
    assert "[WARNING]" not in server.stderr
