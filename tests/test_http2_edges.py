"""HTTP/2: what comes before and after a body, files, endings, and requests that are none."""

from __future__ import annotations

import gzip
import os
import signal
import threading
from pathlib import Path

import pytest
from conftest import BOTH, Serve
from http2_client import (
    ENABLE_CONNECT_PROTOCOL,
    NO_ERROR,
    PROTOCOL_ERROR,
    Field,
    Http2Client,
    pseudo,
)
from serving import DEADLINE_SECONDS, Served

STYLE = ("link", "</style.css>; rel=preload")
SCRIPT = ("link", "</script.js>; rel=preload")
EDGES = ("--interface", "asgi")


def test_hints_come_before_the_response(serve: Serve) -> None:
    hint: list[Field] = [(":status", "103")]
    with Http2Client(serve()) as client:
        for _ in range(2):
            answer = client.ask("/hints")
            assert (answer.status, answer.body) == (200, b"one two")
            assert answer.interim == [[*hint, STYLE], [*hint, SCRIPT, ("x-a", "1")]]
    with Http2Client(serve(*EDGES, app="asgi_edges_app:app")) as client:
        for _ in range(2):
            answer = client.ask("/hints")
            assert (answer.status, answer.body) == (200, b"hinted")
            assert answer.interim == [[*hint, STYLE, SCRIPT], [*hint, ("x-a", "1")]]


def test_trailers_follow_a_response(serve: Serve) -> None:
    with Http2Client(serve(*EDGES, app="asgi_edges_app:app")) as client:
        answer = client.ask("/trailers", ("te", "trailers"))
        assert (answer.body, answer.get("trailer")) == (b"one two", "x-sum, x-more")
        assert answer.trailers == [("x-sum", "1"), ("x-more", "2")]
        # Whoever does not say that it takes them has the rest.
        answer = client.ask("/trailers")
        assert (answer.body, answer.trailers) == (b"one two", [])


@BOTH
def test_trailers_of_a_request_end_it(serve: Serve, app: str) -> None:
    with Http2Client(serve(app=app)) as client:
        for fields in ([], [("content-length", "3")]):
            stream = client.begin("/body", *fields)
            client.data(stream, b"one")
            client.trailers(stream, ("x-sum", "1"))
            answer = client.answer(stream)
            assert (answer.status, answer.body) == (200, b"one")
        stream = client.begin("/body")
        client.trailers(stream, ("connection", "close"))
        assert client.answer(stream).reset == PROTOCOL_ERROR
        assert client.ask("/hello").status == 200


@BOTH
def test_files_beside_the_application(serve: Serve, tmp_path: Path, app: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    # More than the windows that a connection begins with.
    long = os.urandom(300_000)
    (site / "long.bin").write_bytes(long)
    (site / "style.css").write_text("body {}")
    (site / "style.css.gz").write_bytes(gzip.compress(b"body {}"))
    with Http2Client(serve("--static", f"/assets={site}", app=app)) as client:
        # Many at a time, of which none waits for another.
        streams = [client.get("/assets/long.bin") for _ in range(3)]
        answer = client.ask("/assets/style.css", ("accept-encoding", "gzip"))
        assert gzip.decompress(answer.body) == b"body {}"
        assert answer.get("content-encoding") == "gzip"
        for stream in streams:
            assert client.answer(stream).body == long
        part = client.ask("/assets/long.bin", ("range", "bytes=100000-199999"))
        assert (part.status, part.body) == (206, long[100_000:200_000])
        assert part.get("content-range") == "bytes 100000-199999/300000"
        assert client.ask("/assets/long.bin", ("range", "bytes=9999999-")).status == 416
        tag = client.ask("/assets/style.css").get("etag") or ""
        unchanged = client.ask("/assets/style.css", ("if-none-match", tag))
        assert (unchanged.status, unchanged.body) == (304, b"")
        head = client.ask("/assets/long.bin", method="HEAD")
        assert (head.get("content-length"), head.body) == ("300000", b"")
        assert client.ask("/assets/../etc/passwd").status in (400, 404)
        assert client.ask("/hello").body == b"Hello, World!"


@BOTH
def test_a_late_answer_is_503_and_no_affair_of_other_streams(serve: Serve, app: str) -> None:
    server = serve("--threads", "2", "--request-timeout", "1", app=app)
    with Http2Client(server) as client:
        late = client.get("/slow?seconds=2.5")
        while not client.responses[late].is_over:
            assert client.ask("/hello").body == b"Hello, World!"
        assert client.answer(late).status == 503
        assert client.ask("/hello").status == 200
        assert client.goaways == []


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["term", "hup"])
def test_what_was_begun_is_answered_by_a_worker_that_goes(
    serve: Serve, app: str, number: signal.Signals
) -> None:
    server = serve("--threads", "4", app=app)
    with Http2Client(server) as client, Http2Client(server) as idle:
        assert idle.ask("/hello").status == 200
        held = client.get("/held?seconds=0.3")
        upload = client.begin("/body")
        client.data(upload, b"one ")
        server.wait_for_log("a request is held")
        client.answers_pings = False
        server.send_signal(number)
        while not client.goaways:
            assert client.receive()
        # The first word names no last stream: what crosses it on its way is answered, too.
        assert client.will_answer(99)
        crossing = client.get("/hello")
        client.data(upload, b"two", ends=True)
        client.pong()
        assert client.answer(crossing).body == b"Hello, World!"
        assert client.answer(held).body == b"slept"
        assert client.answer(upload).body == b"one two"
        for gone in (client, idle):
            gone.answers_pings = True
            gone.pong()
            gone.receive_until_closed()
            assert gone.goaways[-1][1] == NO_ERROR
        assert client.goaways[-1][0] == crossing
    if number == signal.SIGHUP:
        assert server.ask("/hello").status == 200
    else:
        assert server.process.wait(DEADLINE_SECONDS) == 0


def ask_on(server: Served, ended: threading.Event, wrong: list[object]) -> None:
    """Four requests at a time, on one connection after the other, until told to end. What the
    server says that it has not seen is asked again."""
    while not ended.is_set():
        with Http2Client(server) as client:
            streams = [client.get("/hello") for _ in range(4)]
            while streams and client.receive():
                for stream in [it for it in streams if client.responses[it].is_over]:
                    streams.remove(stream)
                    answer = client.responses.pop(stream)
                    if answer.body != b"Hello, World!":
                        wrong.append(answer)
                    if not client.goaways and not ended.is_set():
                        streams.append(client.get("/hello"))
            wrong.extend(it for it in streams if client.will_answer(it))


@BOTH
def test_a_reload_loses_no_request(serve: Serve, app: str) -> None:
    server = serve("--threads", "2", app=app)
    ended = threading.Event()
    wrong: list[object] = []
    threads = [threading.Thread(target=ask_on, args=(server, ended, wrong)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for reloads in (1, 2):
        server.send_signal(signal.SIGHUP)
        server.wait_for_log("Worker exiting", reloads)
    ended.set()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()
    assert wrong == []


METHOD, SCHEME, AUTHORITY, PATH = pseudo("/hello")
POST = pseudo("/body", "POST")
HELLO = [METHOD, SCHEME, AUTHORITY, PATH]

# RFC 9113, sections 8.1 to 8.3 and 8.5: not one of them may become a request.
MALFORMED: dict[str, list[Field]] = {
    "no method": [SCHEME, AUTHORITY, PATH],
    "no scheme": [METHOD, AUTHORITY, PATH],
    "no path": [METHOD, SCHEME, AUTHORITY],
    "no authority": [METHOD, SCHEME, PATH],
    "empty path": [METHOD, SCHEME, AUTHORITY, (":path", "")],
    "empty authority": [METHOD, SCHEME, (":authority", ""), PATH],
    "path without a slash": [METHOD, SCHEME, AUTHORITY, (":path", "hello")],
    "path with an authority": [METHOD, SCHEME, AUTHORITY, (":path", "http://other/")],
    "path of two lines": [METHOD, SCHEME, AUTHORITY, (":path", "/ HTTP/1.1\r\nX-A: b")],
    "path of two words": [METHOD, SCHEME, AUTHORITY, (":path", "/ HTTP/1.1")],
    "asterisk": [METHOD, SCHEME, AUTHORITY, (":path", "*")],
    "two methods": [METHOD, *HELLO],
    "two paths": [*HELLO, PATH],
    "two authorities": [*HELLO, AUTHORITY],
    "another host": [*HELLO, ("host", "other")],
    "two hosts": [METHOD, SCHEME, PATH, ("host", "test"), ("host", "test")],
    "late pseudo-field": [METHOD, SCHEME, AUTHORITY, ("x-a", "b"), PATH],
    "unknown pseudo-field": [*HELLO, (":x-a", "b")],
    "a response's pseudo-field": [*HELLO, (":status", "200")],
    "authority with a user": [METHOD, SCHEME, (":authority", "user@test"), PATH],
    "authority of two lines": [METHOD, SCHEME, (":authority", "a\r\nX-A: b"), PATH],
    "method of two words": [(":method", "GET /"), SCHEME, AUTHORITY, PATH],
    "method of two lines": [(":method", "GET\n"), SCHEME, AUTHORITY, PATH],
    "scheme that is none": [METHOD, (":scheme", "a b"), AUTHORITY, PATH],
    "upper case": [*HELLO, ("X-A", "b")],
    "name with a space": [*HELLO, ("x a", "b")],
    "name with a colon": [*HELLO, ("x:a", "b")],
    "name of two lines": [*HELLO, ("x\r\na", "b")],
    "no name": [*HELLO, ("", "b")],
    "value of two lines": [*HELLO, ("x-a", "b\r\nx-c: d")],
    "value with LF": [*HELLO, ("x-a", "b\nc")],
    "value with NUL": [*HELLO, ("x-a", "b\0c")],
    "Connection": [*HELLO, ("connection", "close")],
    "Keep-Alive": [*HELLO, ("keep-alive", "1")],
    "Proxy-Connection": [*HELLO, ("proxy-connection", "close")],
    "Transfer-Encoding": [*POST, ("transfer-encoding", "chunked")],
    "Upgrade": [*HELLO, ("upgrade", "websocket")],
    "TE": [*HELLO, ("te", "gzip")],
    "length of nothing": [*HELLO, ("content-length", "5")],
    "two lengths": [*POST, ("content-length", "0"), ("content-length", "0")],
    "length in two parts": [*POST, ("content-length", "0, 0")],
    "length with a sign": [*POST, ("content-length", "+0")],
    "length that is none": [*POST, ("content-length", "x")],
    "CONNECT without an authority": [(":method", "CONNECT")],
    "CONNECT with a path": [(":method", "CONNECT"), SCHEME, AUTHORITY, PATH],
    # RFC 8441 is not offered.
    "websocket": [*pseudo("/", "CONNECT"), (":protocol", "websocket")],
    "protocol of a GET": [*HELLO, (":protocol", "websocket")],
}


@BOTH
def test_what_is_malformed_becomes_no_request(serve: Serve, app: str) -> None:
    server = serve("--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s", app=app)
    client = Http2Client(server)
    taken = {}
    for name, fields in MALFORMED.items():
        stream = client.say(fields)
        response = client.responses[stream]
        while not response.is_over and client.goaways == []:
            assert client.receive(), f"{name}: closed without a word"
        code = client.goaways[-1][1] if client.goaways else response.reset
        if response.status != 400 and code != PROTOCOL_ERROR:
            taken[name] = response
        if client.goaways:
            # What is too far from HTTP/2 ends the connection with it.
            client.socket.close()
            client = Http2Client(server)
        else:
            assert client.ask("/hello").status == 200, name
    client.socket.close()
    assert taken == {}


@BOTH
def test_a_body_is_as_long_as_was_said(serve: Serve, app: str) -> None:
    with Http2Client(serve(app=app)) as client:
        for length, parts in {
            "2": [b"one"],
            "4": [b"one"],
            "5": [b"one", b"two"],
            "7": [b"one", b"two"],
        }.items():
            stream = client.begin("/body", ("content-length", length))
            for part in parts:
                client.data(stream, part, ends=part is parts[-1])
            answer = client.answer(stream)
            assert (answer.status, answer.reset) == (0, PROTOCOL_ERROR), length
        stream = client.begin("/body", ("content-length", "6"))
        client.data(stream, b"one")
        client.data(stream, b"two", ends=True)
        assert client.answer(stream).body == b"onetwo"


@BOTH
def test_what_a_client_says_of_itself_is_not_believed(serve: Serve, app: str) -> None:
    """Neither the scheme nor a tunnel is its to choose, and what it may leave out it may."""
    with Http2Client(serve(app=app)) as client:
        path = "/environ" if app.startswith("wsgi") else "/scope"
        fields = [METHOD, (":scheme", "https"), (":path", path), ("host", "test")]
        seen = client.answer(client.say(fields)).body
        assert (b'"https"' in seen, b"test" in seen) == (False, True)
        answer = client.answer(client.say([(":method", "CONNECT"), (":authority", "test:80")]))
        assert (answer.status, answer.ended) == (404, True)
        # Where it is not offered, a client opens its websockets with HTTP/1.1.
        assert client.settings.get(ENABLE_CONNECT_PROTOCOL, 0) == 0
