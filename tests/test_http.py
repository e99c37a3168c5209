"""Strict HTTP: what RFC 9112 says of each kind of nonsense, and that bounds hold.

Each case is asked of WSGI and of ASGI: the protocol is the same code, the ways in which
bodies are read are not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from conftest import Serve
from serving import Client, Served, served


@pytest.fixture(scope="module", params=["wsgi_app:app", "asgi_app:app"], ids=["wsgi", "asgi"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One server for each table: no case may harm the next, which is a test as well."""
    with served(tmp_path_factory.mktemp("shared"), app=request.param) as server:
        yield server


HOST = b"Host: test\r\n"
SMUGGLED = b"GET /pid HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def _post(fields: bytes, body: bytes = b"", *, version: bytes = b"HTTP/1.1") -> bytes:
    return b"POST /body " + version + b"\r\n" + HOST + fields + b"\r\n" + body


REFUSED: list[tuple[str, bytes, set[int]]] = [
    # Request lines.
    ("bare LF", b"GET / HTTP/1.1\nHost: test\n\n", {400}),
    ("bare LF in a field", b"GET / HTTP/1.1\r\nHost: test\nX-A: b\r\n\r\n", {400}),
    ("bare CR", b"GET / HTTP/1.1\r\nHost: te\rst\r\n\r\n", {400}),
    ("HTTP/0.9", b"GET /\r\n\r\n", {400}),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", {505}),
    ("HTTP/1.2x", b"GET / HTTP/1.2x\r\n" + HOST + b"\r\n", {400, 505}),
    ("lower-case version", b"GET / http/1.1\r\n" + HOST + b"\r\n", {400, 505}),
    ("two spaces", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    ("space in the target", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    ("tab", b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    ("control in the target", b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    ("NUL in the target", b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    ("method that is no token", b"GE(T / HTTP/1.1\r\n" + HOST + b"\r\n", {400}),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    # Fields.
    ("no Host", b"GET / HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    ("space before the colon", b"GET / HTTP/1.1\r\n" + HOST + b"X-A : b\r\n\r\n", {400}),
    ("no colon", b"GET / HTTP/1.1\r\n" + HOST + b"X-A\r\n\r\n", {400}),
    ("empty name", b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n", {400}),
    ("folded", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n", {400}),
    ("space before the first", b"GET / HTTP/1.1\r\n X-A: b\r\n" + HOST + b"\r\n", {400}),
    ("NUL in a value", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\0b\r\n\r\n", {400}),
    ("control in a value", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\x07b\r\n\r\n", {400}),
    ("control in a name", b"GET / HTTP/1.1\r\n" + HOST + b"X\x01A: b\r\n\r\n", {400}),
    ("name beyond ASCII", b"GET / HTTP/1.1\r\n" + HOST + b"X-\xe9: b\r\n\r\n", {400}),
    # Framing.
    (
        "length and coding",
        _post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + SMUGGLED),
        {400},
    ),
    ("two lengths", _post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"), {400}),
    ("list of lengths", _post(b"Content-Length: 3, 4\r\n", b"abcd"), {400}),
    ("the same length twice", _post(b"Content-Length: 4\r\nContent-Length: 4\r\n", b"abcd"), {400}),
    ("list of the same length", _post(b"Content-Length: 4, 4\r\n", b"abcd"), {400}),
    ("length with a sign", _post(b"Content-Length: +3\r\n", b"abc"), {400}),
    ("negative length", _post(b"Content-Length: -3\r\n", b"abc"), {400}),
    ("length in hex", _post(b"Content-Length: 0x3\r\n", b"abc"), {400}),
    ("empty length", _post(b"Content-Length: \r\n"), {400}),
    ("length with a letter", _post(b"Content-Length: 3a\r\n", b"abc"), {400}),
    ("huge length", _post(b"Content-Length: 99999999999999999999999\r\n", b"abc"), {400, 413}),
    ("unknown coding", _post(b"Transfer-Encoding: zip\r\n"), {400, 501}),
    ("coding after chunked", _post(b"Transfer-Encoding: chunked, gzip\r\n"), {400, 501}),
    ("chunked twice", _post(b"Transfer-Encoding: chunked, chunked\r\n"), {400}),
    ("chunked in two fields", _post(b"Transfer-Encoding: chunked\r\n" * 2), {400}),
    ("chunked with a parameter", _post(b"Transfer-Encoding: chunked;q=1\r\n"), {400, 501}),
    ("xchunked", _post(b"Transfer-Encoding: xchunked\r\n"), {400, 501}),
    ("chunked with VT", _post(b"Transfer-Encoding: \x0bchunked\r\n"), {400, 501}),
    ("coding in 1.0", _post(b"Transfer-Encoding: chunked\r\n", version=b"HTTP/1.0"), {400}),
    ("unknown expectation", _post(b"Expect: 200-ok\r\nContent-Length: 0\r\n"), {417}),
]

CHUNKS: list[tuple[str, bytes]] = [
    ("no size", b"\r\nabc\r\n0\r\n\r\n"),
    ("a size that is none", b"x\r\nabc\r\n0\r\n\r\n"),
    ("size with 0x", b"0x3\r\nabc\r\n0\r\n\r\n"),
    ("negative size", b"-3\r\nabc\r\n0\r\n\r\n"),
    ("size with a sign", b"+3\r\nabc\r\n0\r\n\r\n"),
    ("size with an underscore", b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n"),
    ("space before the size", b" 3\r\nabc\r\n0\r\n\r\n"),
    ("huge size", b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
    ("bare LF after the size", b"3\nabc\r\n0\r\n\r\n"),
    ("bare LF after the data", b"3\r\nabc\n0\r\n\r\n"),
    ("data longer than the size", b"3\r\nabcd\r\n0\r\n\r\n"),
    ("bare CR in an extension", b"3;a\rb\r\nabc\r\n0\r\n\r\n"),
    ("NUL in an extension", b"3;a\0\r\nabc\r\n0\r\n\r\n"),
    ("a bad trailer", b"0\r\nbad trailer\r\n\r\n"),
    ("bare LF in trailers", b"0\r\nX-A: b\n\r\n"),
]


@pytest.mark.parametrize(("_name", "sent", "statuses"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_request_that_is_refused(
    shared: Served, _name: str, sent: bytes, statuses: set[int]
) -> None:
    with shared.client() as client:
        client.send(sent)
        _is_refused(client, statuses)
    assert shared.ask("/").status == 200


@pytest.mark.parametrize(("_name", "chunks"), CHUNKS, ids=[case[0] for case in CHUNKS])
def test_chunks_that_are_refused(shared: Served, _name: str, chunks: bytes) -> None:
    with shared.client() as client:
        client.send(_post(b"Transfer-Encoding: chunked\r\n", chunks + SMUGGLED))
        _is_refused(client, {400})
    assert shared.ask("/").status == 200


def _is_refused(client: Client, statuses: set[int]) -> None:
    """Exactly one answer, and then the end: nothing behind it was taken for a request."""
    answer = client.answer()
    assert answer.status in statuses
    assert (answer.get("connection") or "").lower() == "close"
    assert client.is_closed()


def test_names_that_look_alike_frame_nothing(shared: Served) -> None:
    """A proxy in front may read them as the names with hyphens."""
    with shared.client() as client:
        client.send(
            _post(b"Content-Length: 3\r\nTransfer_Encoding: chunked\r\n", b"abc")
            + _post(b"Content_Length: 3\r\nContent-Length: 0\r\n")
        )
        assert client.answer().body == b"abc"
        assert client.answer().body == b""
        assert client.ask("/").body == b"Hello, World!"


ACCEPTED: list[tuple[str, bytes, bytes]] = [
    ("blank line before", b"\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", b"Hello, World!"),
    ("absolute target", b"GET http://test/ HTTP/1.1\r\n" + HOST + b"\r\n", b"Hello, World!"),
    ("empty value", b"GET / HTTP/1.1\r\n" + HOST + b"X-A:\r\n\r\n", b"Hello, World!"),
    ("tabs around a value", b"GET / HTTP/1.1\r\nHost:\t test \t\r\n\r\n", b"Hello, World!"),
    ("obs-text", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: caf\xe9\r\n\r\n", b"Hello, World!"),
    ("length 0", _post(b"Content-Length: 0\r\n"), b""),
    ("leading zeros", _post(b"Content-Length: 003\r\n", b"abc"), b"abc"),
    ("Chunked", _post(b"Transfer-Encoding: Chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"), b"abc"),
    (
        "extensions and trailers",
        _post(b"Transfer-Encoding: chunked\r\n", b'3;a=b;c="d;e"\r\nabc\r\n00\r\nX-A: b\r\n\r\n'),
        b"abc",
    ),
    (
        "size in capitals",
        _post(b"Transfer-Encoding: chunked\r\n", b"A\r\n0123456789\r\n0\r\n\r\n"),
        b"0123456789",
    ),
]


@pytest.mark.parametrize(("_name", "sent", "body"), ACCEPTED, ids=[case[0] for case in ACCEPTED])
def test_a_request_that_is_accepted(shared: Served, _name: str, sent: bytes, body: bytes) -> None:
    with shared.client() as client:
        client.send(sent)
        answer = client.answer()
        assert (answer.status, answer.body) == (200, body)
        # Right behind it the next one begins.
        assert client.ask("/").body == b"Hello, World!"


def test_every_split_gives_the_same_answer(shared: Served) -> None:
    sent = _post(
        b"Transfer-Encoding: chunked\r\n", b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-A: b\r\n\r\n"
    )
    for at in range(1, len(sent)):
        with shared.client() as client:
            client.send(sent[:at])
            client.send(sent[at:])
            assert client.answer().body == b"abcde", at


def test_one_byte_at_a_time(shared: Served) -> None:
    sent = _post(b"Content-Length: 5\r\n", b"abcde")
    with shared.client() as client:
        for byte in sent:
            client.send(bytes([byte]))
        assert client.answer().body == b"abcde"


def test_pipelining(shared: Served) -> None:
    with shared.client() as client:
        client.send(b"".join(_post(b"Content-Length: 2\r\n", b"%02d" % n) for n in range(50)))
        for number in range(50):
            assert client.answer().body == b"%02d" % number


def test_connections(shared: Served) -> None:
    with shared.client() as client:
        answer = client.ask("/", headers={"Connection": "close"})
        assert (answer.get("connection") or "").lower() == "close"
        assert client.is_closed()
    with shared.client() as client:
        client.request("/", version="HTTP/1.0")
        assert client.answer().body == b"Hello, World!"
        assert client.is_closed()
    with shared.client() as client:
        for _ in range(2):
            client.request("/", version="HTTP/1.0", headers={"Connection": "keep-alive"})
            answer = client.answer()
            assert (answer.get("connection") or "").lower() == "keep-alive"
    with shared.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + SMUGGLED)
        assert client.answer().body == b"Hello, World!"
        # What follows a last request is none.
        assert client.is_closed()


def test_limits(serve: Serve) -> None:
    server = serve(
        *("--limit-request-line", "100"),
        *("--limit-request-fields", "5"),
        *("--limit-request-field_size", "50"),
        *("--limit-request-body", "1000"),
    )
    cases = [
        (b"GET /" + b"a" * 100 + b" HTTP/1.1\r\n" + HOST + b"\r\n", {414}),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: 1\r\n" * 5 + b"\r\n", {431}),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 60 + b"\r\n\r\n", {431}),
        (_post(b"Content-Length: 1001\r\n"), {413}),
        (_post(b"Transfer-Encoding: chunked\r\n", b"3e9\r\n" + b"x" * 1001), {413}),
    ]
    for sent, statuses in cases:
        with server.client() as client:
            client.send(sent)
            _is_refused(client, statuses)
    with server.client() as client:
        assert client.ask("/body", method="POST", body=b"x" * 1000).body == b"x" * 1000


@pytest.mark.parametrize(
    "sent",
    [
        b"G" * 200_000,
        b"GET /" + b"a" * 200_000,
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * 200_000,
        b"GET / HTTP/1.1\r\n" + b"X-A: a\r\n" * 30_000,
        _post(b"Transfer-Encoding: chunked\r\n", b"3;" + b"a" * 200_000),
        _post(b"Transfer-Encoding: chunked\r\n", b"0\r\n" + b"X-A: b\r\n" * 30_000),
    ],
    ids=["method", "target", "value", "fields", "extension", "trailers"],
)
def test_what_has_no_end_is_not_kept(shared: Served, sent: bytes) -> None:
    with shared.client() as client:
        # It need not listen to all of it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.send(sent)
        rest = client.rest()
    assert rest == b"" or rest[9:12] in (b"400", b"414", b"431")


def test_what_clients_send_costs_bounded_memory(shared: Served) -> None:
    before = shared.rss_kib()
    with contextlib.ExitStack() as stack:
        for number in range(64):
            client = stack.enter_context(shared.client())
            # Half a head, and half of a body that would be large.
            client.send(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 4000)
            if number < 8:
                client = stack.enter_context(shared.client())
                length = {"Content-Length": str(16 << 20)}
                # Where the application reads while it comes, it keeps nothing of it.
                client.request("/parts", method="POST", headers=length)
                client.send(bytes(12 << 20))
        assert shared.ask("/").status == 200
        # 96 MiB of bodies, of which 1 MiB each may be kept in memory.
        assert shared.rss_kib() - before < 32 << 10


def test_gunicorns_permissions(serve: Serve) -> None:
    server = serve("--permit-obsolete-folding", "--strip-header-spaces")
    with server.client() as client:
        client.send(b"GET /environ HTTP/1.1\r\n" + HOST + b"X-A : b\r\n c\r\n\r\n")
        environ = client.answer().json()
    assert isinstance(environ, dict)
    assert environ["HTTP_X_A"] == "b c"


def test_an_idle_connection_is_closed_in_time(serve: Serve) -> None:
    server = serve("--keep-alive", "1")
    with server.client() as client:
        assert client.ask("/").status == 200
        assert client.is_closed()


def test_a_slow_head_is_answered_408(serve: Serve) -> None:
    server = serve("--header-timeout", "1")
    with server.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: te")
        answer = client.answer()
        assert answer.status == 408
        assert client.is_closed()


def test_a_slow_body_is_answered_408(serve: Serve) -> None:
    quick = serve("--body-timeout", "1")
    with quick.client() as client:
        client.request("/body", method="POST", headers={"Content-Length": "10"})
        client.send(b"abc")
        assert client.answer().status == 408
        assert client.is_closed()
