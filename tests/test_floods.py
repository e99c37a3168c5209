"""Clients that flood over HTTP/2: their connections end, others are served meanwhile, and
the server's memory stays what it was."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator

import pytest
from conftest import BOTH, Serve
from serving import DEADLINE_SECONDS, Served

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _PRIORITY, _RST_STREAM, _SETTINGS, _PING, _CONTINUATION = 1, 2, 3, 4, 6, 9
_END_STREAM, _END_HEADERS = 1, 4
# GET http://a/ by HPACK's static table, and a literal field that no table keeps.
_GET = b"\x82\x86\x84\x41\x01a"
_FIELD = b"\x10\x03x-a\x01b"
_CANCEL = bytes([0, 0, 0, 8])
# One client after the other; each may send so much, of which none is to get through.
_FLOODERS = 4
_MOST_BYTES = 64 << 20
_CHUNK_FRAMES = 1000


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def _rapid_reset() -> Iterator[bytes]:
    for first in itertools.count(1, 2 * _CHUNK_FRAMES):
        streams = range(first, first + 2 * _CHUNK_FRAMES, 2)
        yield b"".join(
            _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _GET)
            + _frame(_RST_STREAM, 0, stream, _CANCEL)
            for stream in streams
        )


def _continuation() -> Iterator[bytes]:
    yield _frame(_HEADERS, _END_STREAM, 1, _GET)
    yield from itertools.repeat(_frame(_CONTINUATION, 0, 1, _FIELD) * _CHUNK_FRAMES)


def _settings() -> Iterator[bytes]:
    # The size of the header table, anew each time.
    return itertools.repeat(_frame(_SETTINGS, 0, 0, b"\x00\x01\x00\x00\x10\x00") * _CHUNK_FRAMES)


def _ping() -> Iterator[bytes]:
    return itertools.repeat(_frame(_PING, 0, 0, bytes(8)) * _CHUNK_FRAMES)


def _priority() -> Iterator[bytes]:
    return itertools.repeat(_frame(_PRIORITY, 0, 1, bytes([0, 0, 0, 3, 16])) * _CHUNK_FRAMES)


_FLOODS = {
    "rapid reset": _rapid_reset,
    "CONTINUATION": _continuation,
    "SETTINGS": _settings,
    "PING": _ping,
    "PRIORITY": _priority,
}


def _flood(server: Served, name: str) -> int:
    """Floods without reading a byte until the connection is ended, and gives how many bytes
    were sent."""
    sent = 0
    with socket.create_connection(server.address, DEADLINE_SECONDS) as flooder:
        try:
            flooder.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
            for chunk in _FLOODS[name]():
                if sent >= _MOST_BYTES:
                    break
                flooder.sendall(chunk)
                sent += len(chunk)
        except ConnectionError:
            pass
    return sent


@BOTH
@pytest.mark.parametrize("name", _FLOODS)
def test_a_flood_costs_nobody_but_who_sends_it(serve: Serve, app: str, name: str) -> None:
    server = serve(app=app)
    # What is made once is there before memory is looked at.
    _flood(server, name)
    before = server.rss_kib()
    sent: list[int] = []

    def flood() -> None:
        sent.extend(_flood(server, name) for _ in range(_FLOODERS))

    flooding = threading.Thread(target=flood)
    flooding.start()
    with server.client() as client:
        asked = 0
        while flooding.is_alive() or asked < 10:
            assert client.ask("/hello").body == b"Hello, World!"
            asked += 1
    flooding.join()
    assert len(sent) == _FLOODERS
    assert max(sent) < _MOST_BYTES, "a flood was let through"
    assert server.rss_kib() - before < 16 << 10
