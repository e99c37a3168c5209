"""Clients that flood over HTTP/2, or take nothing of what they ask for: their connections end,
others are served meanwhile, and the server's memory stays what it was.

Which error a flood ends with, and that a slow one does, is tested in ``dispatch/tests/http2.rs``.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator

import httpx
from conftest import BOTH, Serve
from http2_client import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)
from serving import DEADLINE_SECONDS, Served

_INITIAL_WINDOW, _LARGEST_WINDOW = b"\x00\x04", b"\x7f\xff\xff\xff"
# A literal field that no table keeps, and one of 4,000 bytes that is kept and then named by
# a byte.
_FIELD = b"\x00\x03x-a\x01b"
_KEPT_FIELD, _SAME_AGAIN = b"\x40\x03x-a\x7f\xa1\x1e" + b"a" * 4000, b"\xbe"
# One client may send so much before it is stopped, most of which is in sockets' buffers.
_MOST_BYTES = 24 << 20
# What all of it together may cost a worker.
_MOST_KIB = 24 << 10
_CHUNK_FRAMES = 1000


def _head(method: int, path: str) -> bytes:
    """By HPACK's static table."""
    return bytes([method, 0x86, 0x04, len(path)]) + path.encode() + b"\x41\x01a"


def _get(stream: int, path: str = "/hello", more: bytes = b"") -> bytes:
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, _head(0x82, path) + more)


def _post(stream: int, path: str) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, _head(0x83, path))


def _same(one: bytes) -> Iterator[bytes]:
    return itertools.repeat(one * _CHUNK_FRAMES)


def _rapid_reset() -> Iterator[bytes]:
    asked, taken_back = _get(0), frame(RST_STREAM, 0, 0, b"\x00\x00\x00\x08")
    # Around the numbers of streams, so that it is the server that has the work.
    before, between, after = asked[:5], asked[9:] + taken_back[:5], taken_back[9:]
    for first in itertools.count(1, 2 * _CHUNK_FRAMES):
        streams = (it.to_bytes(4, "big") for it in range(first, first + 2 * _CHUNK_FRAMES, 2))
        yield b"".join(before + it + between + it + after for it in streams)


def _continuation() -> Iterator[bytes]:
    yield frame(HEADERS, END_STREAM, 1, _head(0x82, "/hello"))
    yield from _same(frame(CONTINUATION, 0, 1, _FIELD))


def _empty_data() -> Iterator[bytes]:
    yield _post(1, "/held?seconds=1")
    yield from _same(frame(DATA, 0, 1))


def _tiny_data() -> Iterator[bytes]:
    """A byte a frame, for requests that read none of it."""
    yield b"".join(_post(stream, "/held?seconds=1") for stream in range(1, 100, 2))
    for stream in itertools.cycle(range(1, 100, 2)):
        yield frame(DATA, PADDED, stream, b"\x00x") * 100


def _header_bomb() -> Iterator[bytes]:
    """16 KB that stand for 64 MB, ten times; then what no client may send."""
    yield _get(1, more=_KEPT_FIELD)
    yield b"".join(_get(stream, more=_SAME_AGAIN * 16_000) for stream in range(3, 23, 2))
    yield from _same(frame(RST_STREAM, 0, 99, bytes(4)))


_FLOODS = {
    "rapid reset": _rapid_reset,
    "CONTINUATION": _continuation,
    "SETTINGS": lambda: _same(frame(SETTINGS, 0, 0, b"\x00\x01\x00\x00\x10\x00")),
    "PING": lambda: _same(frame(PING, 0, 0, bytes(8))),
    "PRIORITY": lambda: _same(frame(PRIORITY, 0, 1, b"\x00\x00\x00\x03\x10")),
    "WINDOW_UPDATE": lambda: _same(frame(WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x01")),
    "a kind that nobody knows": lambda: _same(frame(0x20, 0, 0, b"x")),
    "empty DATA": _empty_data,
    "tiny DATA": _tiny_data,
    "header bomb": _header_bomb,
}


def _connect(server: Served) -> socket.socket:
    client = server.client().socket
    client.sendall(PREFACE + frame(SETTINGS, 0, 0))
    return client


def _flood(server: Served, name: str) -> int:
    """Floods without reading a byte until the connection is ended, and gives how many bytes
    were sent."""
    sent = 0
    with _connect(server) as flooder, contextlib.suppress(ConnectionError):
        for chunk in _FLOODS[name]():
            if sent >= _MOST_BYTES:
                break
            flooder.sendall(chunk)
            sent += len(chunk)
    return sent


def _take_nothing(server: Served, path: str) -> socket.socket:
    """Asks for as much as it may, for which there is room without end, and reads none of it."""
    client = _connect(server)
    client.sendall(frame(SETTINGS, 0, 0, _INITIAL_WINDOW + _LARGEST_WINDOW))
    client.sendall(frame(WINDOW_UPDATE, 0, 0, b"\x7f\x00\x00\x00"))
    client.sendall(b"".join(_get(stream, path) for stream in range(1, 200, 2)))
    return client


@BOTH
def test_a_flood_costs_nobody_but_who_sends_it(serve: Serve, app: str) -> None:
    server = serve(app=app)
    told = httpx.Client(
        base_url=f"http://{server.address[0]}:{server.address[1]}",
        http1=False,
        http2=True,
        timeout=DEADLINE_SECONDS,
        trust_env=False,
    )
    sent: dict[str, int] = {}

    def flood() -> None:
        for name in _FLOODS:
            sent[name] = _flood(server, name)

    with contextlib.ExitStack() as stack:
        client = stack.enter_context(server.client())
        other = stack.enter_context(told)
        most_kib = before_kib = server.rss_kib()
        stack.enter_context(_take_nothing(server, "/large?bytes=100000"))
        if app.startswith("asgi"):
            stack.enter_context(_take_nothing(server, "/endless"))
        flooding = threading.Thread(target=flood)
        flooding.start()
        asked = 0
        while flooding.is_alive() or asked < 10:
            assert client.ask("/hello").body == b"Hello, World!"
            answer = other.get("/hello")
            assert (answer.text, answer.http_version) == ("Hello, World!", "HTTP/2")
            most_kib = max(most_kib, server.rss_kib())
            asked += 1
        flooding.join()
    let_through = {name: bytes_ for name, bytes_ in sent.items() if bytes_ >= _MOST_BYTES}
    assert sent.keys() == _FLOODS.keys()
    assert not let_through
    assert most_kib - before_kib < _MOST_KIB
    print(f"{asked} times both were served; {most_kib - before_kib} KiB; {sent}")
