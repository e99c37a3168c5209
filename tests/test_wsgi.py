"""PEP 3333 to the letter."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from conftest import Serve
from serving import APPS, DEADLINE_SECONDS, Served, wait_for


@pytest.fixture(params=[(), ("--threads", "4")], ids=["inline", "threads"])
def server(serve: Serve, request: pytest.FixtureRequest) -> Served:
    return serve(*request.param)


def test_environ(server: Served) -> None:
    with server.client() as client:
        own = client.socket.getsockname()
        fields = {
            "X-A": "one",
            "Accept": "text/*",
            "Content-Type": "text/x",
            "Cookie": "a=1",
            "Host": "example.com:81",
        }
        answer = client.ask("/environ/caf%C3%A9%2f?a=%20b", headers=fields, body=b"12345")
    environ = json.loads(answer.body)
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["SCRIPT_NAME"] == ""
    # Decoded, and read as ISO 8859-1.
    assert environ["PATH_INFO"] == "/environ/café/".encode().decode("latin-1")
    assert environ["RAW_URI"] == "/environ/caf%C3%A9%2f?a=%20b"
    assert environ["QUERY_STRING"] == "a=%20b"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(server.address[1])
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["REMOTE_PORT"] == str(own[1])
    assert environ["SERVER_SOFTWARE"].startswith("tonnage/")
    assert environ["HTTP_HOST"] == "example.com:81"
    assert environ["HTTP_X_A"] == "one"
    assert environ["CONTENT_TYPE"] == "text/x"
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_CONTENT_TYPE" not in environ
    assert environ["wsgi.version"] == [1, 0]
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.multiprocess"] is False
    assert isinstance(environ["wsgi.multithread"], bool)
    assert environ["wsgi.input_terminated"] is True
    # Nothing of the process's own environment.
    assert "PATH" not in environ


def test_underscores_do_not_pass_for_hyphens(server: Served) -> None:
    fields = {"X_Real_Ip": "6.6.6.6", "X-Real-Ip": "192.0.2.1"}
    environ = json.loads(server.ask("/environ", headers=fields).body)
    assert environ["HTTP_X_REAL_IP"] == "192.0.2.1"


def test_a_field_that_comes_twice(server: Served) -> None:
    with server.client() as client:
        client.send(
            b"GET /environ HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-A: 2\r\n"
            b"Cookie: a=1\r\nCookie: b=2\r\n\r\n"
        )
        environ = json.loads(client.answer().body)
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_COOKIE"] in ("a=1; b=2", "a=1,b=2")


def test_validate_finds_nothing(serve: Serve) -> None:
    server = serve(app="validated_app:app")
    with server.client() as client:
        assert client.ask("/").body == b"Hello, World!"
        assert client.ask("/body-sized", method="POST", body=b"abc").body == b"abc"
        assert client.ask("/stream").body == b"one two three"
        assert client.ask("/closing").body == b"ab"
        assert client.ask("/write").body == b"one two three"
        assert client.ask("/nothing-here").status == 404
    # `validator` also asserts that iterables were closed, when they are collected.
    assert "AssertionError" not in server.stderr


def test_bodies_are_read_in_every_way(server: Served) -> None:
    body = b"abcdef\nghijkl\nm\nn\nop"
    expected = repr([b"abc", b"def\n", b"ghij", b"", [b"kl\n"], b"m\n", b"n\n", b"op", b"", b""])
    with server.client() as client:
        assert client.ask("/lines", method="POST", body=body).text == expected
        client.request("/lines", method="POST", headers={"Transfer-Encoding": "chunked"})
        for byte in body:
            client.send(b"1\r\n%c\r\n" % byte)
        client.send(b"0\r\n\r\n")
        assert client.answer().text == expected
        empty = repr([b"", b"", b"", b"", [], b"", b""])
        assert client.ask("/lines").text == empty


def test_a_chunked_body_has_a_length(serve: Serve) -> None:
    """RFC 9112, section 7.1.3: it is complete, and no coding is left."""
    server = serve()
    with server.client() as client:
        client.request("/environ", method="POST", headers={"Transfer-Encoding": "chunked"})
        client.send(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
        environ = json.loads(client.answer().body)
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_large_bodies_both_ways(server: Served) -> None:
    body = b"0123456789abcdef" * (3 << 16)
    with server.client() as client:
        assert client.ask("/body", method="POST", body=body).body == body
        assert len(client.ask(f"/large?bytes={20 << 20}").body) == 20 << 20


def test_a_body_that_is_not_read_leaves_the_connection_usable(server: Served) -> None:
    with server.client() as client:
        for _ in range(3):
            answer = client.ask("/ignores-body", method="POST", body=b"x" * 100_000)
            assert answer.body == b"ignored"
        assert client.ask("/").body == b"Hello, World!"


def test_continue_comes_when_it_is_wanted(server: Served) -> None:
    with server.client() as client:
        client.request(
            "/body", method="POST", headers={"Expect": "100-continue", "Content-Length": "3"}
        )
        assert client.answer().status == 100
        client.send(b"abc")
        assert client.answer().body == b"abc"
        assert client.ask("/").status == 200


def test_write(server: Served) -> None:
    with server.client() as client:
        answer = client.ask("/write")
        assert (answer.body, answer.get("transfer-encoding")) == (b"one two three", "chunked")
        assert client.ask("/write-sized").body == b"one two"


def test_streams(server: Served) -> None:
    with server.client() as client:
        answer = client.ask("/stream")
        # The empty part must not have ended it.
        assert (answer.body, answer.get("transfer-encoding")) == (b"one two three", "chunked")
    with server.client() as client:
        client.request("/stream", version="HTTP/1.0")
        answer = client.answer()
        assert answer.body == b"one two three"
        assert answer.get("transfer-encoding") is None


def test_a_single_part_gets_a_length(server: Served) -> None:
    with server.client() as client:
        answer = client.ask("/exc-info-before")
        assert answer.get("content-length") == str(len(answer.body))


def test_start_response(server: Served) -> None:
    with server.client() as client:
        answer = client.ask("/exc-info-before")
        assert (answer.status, answer.reason) == (503, "Service Unavailable")
        assert (answer.body, answer.get("x-first")) == (b"second", None)
        answer = client.ask("/lazy")
        assert (answer.status, answer.reason, answer.body) == (201, "Created", b"lazy")
    for target in ("/twice", "/no-start", "/error"):
        answer = server.ask(target)
        assert answer.status == 500
        assert b"asked for" not in answer.body
    # With the traceback, so that somebody can mend it.
    for text in ("Error handling request GET /error", "in get_error\n", "RuntimeError: asked for"):
        server.wait_for_log(text)


@pytest.mark.parametrize("target", ["/exc-info-after", "/error-late"])
def test_an_error_after_the_head_cuts_the_answer(server: Served, target: str) -> None:
    with server.client() as client:
        client.request(target)
        rest = client.rest()
    # The client can tell: no last chunk.
    assert b"HTTP/1.1 200 OK" in rest
    assert not rest.endswith(b"0\r\n\r\n")
    assert b"never sent" not in rest


def test_lengths_that_are_not_true(server: Served) -> None:
    with server.client() as client:
        client.request("/short")
        # Too little: the connection is closed, or the client would wait.
        assert client.rest().endswith(b"short")
    with server.client() as client:
        # Too much is cut: the rest would be taken for the next answer.
        assert client.ask("/long").body == b"long"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(server: Served, status: int) -> None:
    with server.client() as client:
        answer = client.ask(f"/status/{status}")
        assert (answer.status, answer.get("transfer-encoding")) == (status, None)
        assert client.ask("/").body == b"Hello, World!"


def test_head(server: Served) -> None:
    with server.client() as client:
        for target in ("/", "/stream", "/write", "/file"):
            client.request(target, method="HEAD")
            client.answer(head_only=True)
        answer = client.ask("/", method="HEAD")
        assert answer.get("content-length") == "13"
        answer = client.ask("/tuple", method="HEAD")
        # Nobody said how long it would be.
        assert (answer.get("content-length"), answer.get("transfer-encoding")) == (None, None)
        assert client.ask("/").body == b"Hello, World!"


@pytest.mark.parametrize("case", ["newline", "nul", "name", "colon", "unicode", "number", "status"])
def test_fields_that_would_break_the_answer(server: Served, case: str) -> None:
    with server.client() as client:
        answer = client.ask(f"/bad-fields/{case}")
        assert answer.status == 500
        assert answer.get("x-b") is None


def test_fields_in_a_tuple(server: Served) -> None:
    answer = server.ask("/tuple")
    assert (answer.get("x-a"), answer.body) == ("1", b"from a tuple")


def test_latin_fields(server: Served) -> None:
    answer = server.ask("/latin")
    assert answer.get("x-latin") == "caf\xe9"


def test_parts_must_be_bytes(server: Served) -> None:
    with server.client() as client:
        client.request("/not-bytes")
        assert b"500" in client.rest()[:20] or client.is_closed()


def test_iterables_are_closed(serve: Serve) -> None:
    server = serve()
    with server.client() as client:
        assert client.ask("/closing").body == b"ab"
        assert client.ask("/closed").body == b"1"
        client.request("/closing-error")
        client.rest()
        assert server.ask("/closed").body == b"2"
        client.close()
    with server.client() as client:
        client.request("/closing-endless")
        client.socket.recv(1000)
    # The client is gone: the application is told by closing.
    wait_for(lambda: server.ask("/closed").body == b"3", "the iterable to be closed")


def test_file_wrapper(server: Served) -> None:
    text = (APPS / "wsgi_app.py").read_bytes()
    with server.client() as client:
        assert client.ask("/file").body == text
        assert client.ask("/file?from=100").body == text[100:]
        assert client.ask("/file-sized").body == text[:10]
        assert client.ask("/file-like").body == b"like a file"
        assert client.ask("/").body == b"Hello, World!"


def test_threads_run_at_the_same_time(serve: Serve) -> None:
    server = serve("--threads", "8")
    clients = [server.client() for _ in range(8)]
    start = time.monotonic()
    for client in clients:
        client.request("/thread?seconds=0.5")
    idents = {client.answer().body for client in clients}
    took = time.monotonic() - start
    for client in clients:
        client.close()
    assert len(idents) == 8
    # One after the other would take 4 s.
    assert took < 3


def test_one_thread_runs_one_request(serve: Serve) -> None:
    server = serve("--threads", "1")
    clients = [server.client() for _ in range(3)]
    for client in clients:
        client.request("/thread?seconds=0.05")
    assert len({client.answer().body for client in clients}) == 1
    for client in clients:
        client.close()


def test_output_of_the_application(serve: Serve) -> None:
    server = serve()
    assert server.ask("/print").status == 200
    server.wait_for_log("printed to wsgi.errors")
    wait_for(lambda: "printed to standard output" in server.stdout, "standard output")


def test_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = serve(bind=f"unix:{path}")
    environ = json.loads(server.ask("/environ").body)
    assert environ["REMOTE_ADDR"] in ("", "127.0.0.1")
    assert server.ask("/").body == b"Hello, World!"
    assert server.stop() == 0
    assert not path.exists()


def test_multiprocess_is_said(serve: Serve) -> None:
    server = serve("--workers", "2", "--threads", "2")
    environ = json.loads(server.ask("/environ").body)
    assert environ["wsgi.multiprocess"] is True
    assert environ["wsgi.multithread"] is True


def test_memory_does_not_grow(serve: Serve) -> None:
    """RSS is flat over many requests, those included that clients give up."""
    server = serve()

    def burst(count: int) -> None:
        with server.client() as client:
            for _ in range(count):
                assert client.ask("/stream").status == 200
        for _ in range(count // 10):
            with server.client() as client:
                client.request("/large?bytes=1000000")

    burst(2000)
    wait_for(lambda: server.ask("/").status == 200, "an answer", DEADLINE_SECONDS)
    before = server.rss_kib()
    burst(4000)
    after = server.rss_kib()
    # 1 % of a small process is less than a page table; 2 MiB is no leak of 4,400 requests.
    assert after - before < max(before // 100, 2048), f"{before} KiB, then {after} KiB"
