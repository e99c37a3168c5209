"""ASGI 3: http and lifespan."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from conftest import Serve
from serving import Served, wait_for


@pytest.fixture(params=["asyncio", "uvloop"])
def server(serve: Serve, request: pytest.FixtureRequest) -> Served:
    return serve("--asgi-loop", request.param, app="asgi_app:app")


def test_scope(server: Served) -> None:
    with server.client() as client:
        own = client.socket.getsockname()
        answer = client.ask("/scope/caf%C3%A9%2f?a=%20b", headers={"X-A": "one", "Host": "h"})
    scope = json.loads(answer.body)
    assert scope["type"] == "http"
    assert scope["asgi"]["version"] == "3.0"
    assert scope["http_version"] == "1.1"
    assert scope["method"] == "GET"
    assert scope["scheme"] == "http"
    assert scope["path"] == "/scope/café/"
    assert scope["raw_path"] == repr(b"/scope/caf%C3%A9%2f")
    assert scope["query_string"] == repr(b"a=%20b")
    assert scope["root_path"] == ""
    assert scope["headers"] == [[repr(b"Host".lower()), repr(b"h")], [repr(b"x-a"), repr(b"one")]]
    assert scope["client"] == ["127.0.0.1", own[1]]
    assert scope["server"] == ["127.0.0.1", server.address[1]]
    assert scope["state"]["greeting"] == "from the lifespan"


def test_types(server: Served) -> None:
    types = server.ask("/types", headers={"X-A": "one"}).json()
    assert isinstance(types, dict)
    assert types["raw_path"] == types["query_string"] == "bytes"
    assert types["path"] == types["method"] == "str"
    assert set(types["header"].split(",")) == {"bytes"}


def test_bodies(server: Served) -> None:
    body = bytes(range(256)) * 8192
    with server.client() as client:
        for part in (b"", b"x", body):
            assert client.ask("/body", method="POST", body=part).body == part
        client.request("/body", method="POST", headers={"Transfer-Encoding": "chunked"})
        client.send(b"3\r\nabc\r\n")
        client.send(b"2\r\nde\r\n0\r\n\r\n")
        assert client.answer().body == b"abcde"
        assert client.ask("/ignores-body", method="POST", body=body).body == b"ignored"
        assert client.ask("/").body == b"Hello, World!"
        assert len(client.ask(f"/large?bytes={20 << 20}").body) == 20 << 20


def test_a_body_comes_in_parts(server: Served) -> None:
    sizes = server.ask("/parts", method="POST", body=b"x" * (8 << 20)).json()
    assert isinstance(sizes, list)
    assert sum(sizes) == 8 << 20
    # Streamed, not gathered.
    assert max(sizes) <= 1 << 20


def test_both_ways_at_once(server: Served) -> None:
    with server.client() as client:
        client.request("/duplex", method="POST", headers={"Transfer-Encoding": "chunked"})
        client.send(b"3\r\nabc\r\n")
        head = b""
        while b"abc" not in head:
            head += client.socket.recv(1000)
        client.send(b"3\r\ndef\r\n0\r\n\r\n")
        rest = b""
        while not rest.endswith(b"0\r\n\r\n"):
            rest += client.socket.recv(1000)
        assert b"def" in rest


def test_continue_comes_when_the_body_is_asked_for(server: Served) -> None:
    expect = {"Expect": "100-continue", "Content-Length": "3"}
    with server.client() as client:
        client.request("/body", method="POST", headers=expect)
        assert client.answer().status == 100
        client.send(b"abc")
        assert client.answer().body == b"abc"
    with server.client() as client:
        client.request("/ignores-body", method="POST", headers=expect)
        answer = client.answer()
        if answer.status == 100:
            client.send(b"abc")
            answer = client.answer()
        assert answer.body == b"ignored"


def test_streams(server: Served) -> None:
    with server.client() as client:
        for target in ("/stream", "/slow-stream"):
            answer = client.ask(target)
            assert (answer.body, answer.get("transfer-encoding")) == (b"one two three", "chunked")
    with server.client() as client:
        client.request("/stream", version="HTTP/1.0")
        assert client.answer().body == b"one two three"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(server: Served, status: int) -> None:
    with server.client() as client:
        assert client.ask(f"/status/{status}").body == b""
        assert client.ask("/", method="HEAD").get("content-length") == "13"
        assert client.ask("/").body == b"Hello, World!"


def test_errors(server: Served) -> None:
    with server.client() as client:
        for target in ("/error", "/nothing"):
            assert server.ask(target).status == 500
        client.request("/error-late")
        rest = client.rest()
        assert b"200 OK" in rest
        assert not rest.endswith(b"0\r\n\r\n")
    with server.client() as client:
        client.request("/start-only")
        assert client.rest()[9:12] in (b"500", b"200")
    server.wait_for_log("RuntimeError: asked for")


@pytest.mark.parametrize("case", ["body_first", "unknown", "no_status", "text_field", "newline"])
def test_messages_that_are_not_allowed(server: Served, case: str) -> None:
    answer = server.ask(f"/wrong/{case}")
    assert answer.status == 500
    assert answer.get("c") is None


def test_a_client_that_goes_away(server: Served) -> None:
    with server.client() as client:
        client.request("/disconnect")
        time.sleep(0)
    wait_for(lambda: "http.disconnect" in server.events(), "http.disconnect")
    with server.client() as client:
        client.request("/endless")
        client.socket.recv(100_000)
    wait_for(lambda: "endless ended" in server.events(), "the end of an endless answer")


def test_a_slow_reader_holds_the_sender_back(server: Served) -> None:
    with server.client() as client:
        client.request("/endless")
        assert client.socket.recv(10)
        # Others are served meanwhile, and nothing piles up.
        for _ in range(200):
            assert server.ask("/").status == 200
        assert "no back-pressure" not in server.events()


def test_requests_are_strangers_to_each_other(server: Served) -> None:
    with server.client() as client:
        for _ in range(3):
            assert client.ask("/context").body == b"unset"
            assert client.ask("/state").body == b"from the lifespan"


def test_work_after_the_answer_holds_nobody_up(server: Served) -> None:
    with server.client() as client:
        assert client.ask("/background").body == b"answered"
        assert client.ask("/").body == b"Hello, World!"
    wait_for(lambda: "background" in server.events(), "the background task")
    assert server.ask("/after-end").body == b"answered"
    wait_for(lambda: "after the end: http.disconnect" in server.events(), "a disconnect")


def test_many_at_a_time(server: Served) -> None:
    clients = [server.client() for _ in range(100)]
    start = time.monotonic()
    for client in clients:
        client.request("/sleep?seconds=0.3")
    assert {client.answer().body for client in clients} == {b"slept"}
    assert time.monotonic() - start < 10
    for client in clients:
        client.close()


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    with server.client() as client:
        for target in ("/sleep?seconds=0.1", "/", "/stream", "/nothing-here"):
            client.request(target)
        bodies = [client.answer().body for _ in range(4)]
        assert bodies == [b"slept", b"Hello, World!", b"one two three", b"not found"]


def test_the_loop_that_was_asked_for(serve: Serve) -> None:
    asyncio = serve("--asgi-loop", "asyncio", app="asgi_app:app")
    assert asyncio.ask("/loop").text.startswith("asyncio")
    uvloop = serve("--asgi-loop", "uvloop", app="asgi_app:app")
    assert uvloop.ask("/loop").text.startswith("uvloop")
    # It is installed here, so `auto` takes it.
    assert serve(app="asgi_app:app").ask("/loop").text.startswith("uvloop")


def test_lifespans(serve: Serve, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    server = serve("--workers", "2", app="asgi_app:app", env={"SHUTDOWN_MARK": str(mark)})
    # One that still starts would end without a lifespan.
    server.wait_until_all_serve(2)
    assert "startup" in server.events()
    assert server.stop() == 0
    assert mark.read_text() == "shutdown\n" * 2


def test_an_application_without_a_lifespan(serve: Serve) -> None:
    server = serve(app="asgi_app:without_lifespan")
    assert server.ask("/").body == b"Hello, World!"


def test_a_lifespan_that_fails(serve: Serve) -> None:
    server = serve(app="asgi_app:failing_lifespan", ready=False)
    assert server.process.wait(30) == 3
    assert "no database" in server.stderr


def test_a_startup_that_raises_is_told(serve: Serve) -> None:
    server = serve(app="ending_app:raises_at_startup")
    lines = [line for line in server.stderr.splitlines() if "no database" in line]
    assert len(lines) == 1
    assert "lifespan.startup" in lines[0]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_end_requests_and_lifespan(
    serve: Serve, number: signal.Signals, loop: str
) -> None:
    server = serve("--asgi-loop", loop, app="ending_app:app")
    with server.client() as client:
        client.request("/held")
        server.wait_for_log("a request is held")
        start = time.monotonic()
        # As a terminal and a wrapper would.
        os.killpg(server.pid, number)
        server.send_signal(number)
        assert server.process.wait(30) == 0
        assert time.monotonic() - start < 5
    said = server.stderr
    steps = ["cancelled", "shutdown begins", "shutdown ends", "Worker exiting"]
    assert all(step in said for step in steps), said
    assert sorted(steps, key=said.index) == steps
    assert "[WARNING]" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("target", ["/held", "/computes"])
def test_int_waits_for_no_application(serve: Serve, target: str, loop: str) -> None:
    server = serve("--asgi-loop", loop, app="ending_app:app", env={"STUCK": "1"})
    with server.client() as client:
        client.request(target)
        server.wait_for_log("a request is held")
        start = time.monotonic()
        assert server.stop(signal.SIGINT) == 0
        assert time.monotonic() - start < 10
    assert "did not end within" in server.stderr
    assert "Worker exiting" in server.stderr


def test_asgi2(serve: Serve) -> None:
    server = serve(app="asgi_app:Asgi2")
    assert server.ask("/").body == b"Hello, World!"
    assert server.ask("/body", method="POST", body=b"abc").body == b"abc"


@pytest.mark.parametrize(
    "arguments", [("--interface", "asgi"), ("-k", "asgi"), ("-k", "uvicorn.workers.UvicornWorker")]
)
def test_the_interface_can_be_said(serve: Serve, arguments: tuple[str, ...]) -> None:
    server = serve(*arguments, app="asgi_app:app")
    assert server.ask("/").body == b"Hello, World!"
