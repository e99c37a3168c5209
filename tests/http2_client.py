"""A client of HTTP/2 that says exactly what it is told to, also what no client should, and
keeps to a connection as long as the server does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

import hpack
from serving import Served

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1

NO_ERROR, PROTOCOL_ERROR = 0, 1
ENABLE_CONNECT_PROTOCOL = 8

Field = tuple[str, str]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def pseudo(path: str, method: str = "GET") -> list[Field]:
    return [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)]


@dataclass
class Response:
    """What came on one stream."""

    interim: list[list[Field]] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    body: bytes = b""
    trailers: list[Field] = field(default_factory=list)
    ended: bool = False
    # With which code it was reset.
    reset: int | None = None

    @property
    def status(self) -> int:
        """0 where there is none."""
        return int(self.get(":status") or 0)

    @property
    def is_over(self) -> bool:
        return self.ended or self.reset is not None

    def get(self, name: str) -> str | None:
        values = [value for known, value in self.fields if known == name]
        assert len(values) < 2, f"{name} comes {len(values)} times"
        return values[0] if values else None

    def take_head(self, fields: list[Field]) -> None:
        if fields[0][0] != ":status":
            self.trailers = fields
        elif fields[0][1].startswith("1"):
            self.interim.append(fields)
        else:
            self.fields = fields


class Http2Client:
    """A connection. What is received is acknowledged, and room for it given back, at once."""

    def __init__(self, server: Served) -> None:
        self.socket = server.client().socket
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.responses: dict[int, Response] = {}
        self.settings: dict[int, int] = {}
        # The last stream that will be answered, and the code, each time that the server said
        # that it goes.
        self.goaways: list[tuple[int, int]] = []
        # Whether pings are answered as they come, or by ``pong``.
        self.answers_pings = True
        self._pings: list[bytes] = []
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()
        self._buffer = b""
        self._next_stream = 1
        self.write(PREFACE + frame(SETTINGS, 0, 0))

    def __enter__(self) -> Http2Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        # Who was told to go may still have to read what was sent before.
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def say(self, fields: Iterable[Field], *, ends: bool = True) -> int:
        """A head, whatever it is; its stream."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        self.responses[stream] = Response()
        self._head(stream, fields, ends=ends)
        return stream

    def begin(self, path: str, *fields: Field, method: str = "POST") -> int:
        """A request with a body; its stream."""
        return self.say([*pseudo(path, method), *fields], ends=False)

    def get(self, path: str, *fields: Field, method: str = "GET") -> int:
        """A request without a body; its stream."""
        return self.say([*pseudo(path, method), *fields])

    def data(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        self.write(frame(DATA, END_STREAM if ends else 0, stream, data))

    def trailers(self, stream: int, *fields: Field) -> None:
        self._head(stream, fields, ends=True)

    def ask(self, path: str, *fields: Field, method: str = "GET") -> Response:
        return self.answer(self.get(path, *fields, method=method))

    def answer(self, stream: int) -> Response:
        """What came on a stream, when that is over."""
        response = self.responses[stream]
        while not response.is_over:
            assert self.receive(), f"closed ({self.goaways}) before the end of {response}"
        return response

    def receive(self) -> bool:
        """Takes what comes next; ``False`` where the server has closed."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = self.socket.recv(1 << 16)
        self._buffer += data
        while len(self._buffer) >= 9:
            end = 9 + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < end:
                break
            head, payload = self._buffer[:9], self._buffer[9:end]
            self._buffer = self._buffer[end:]
            self._take(head[3], head[4], int.from_bytes(head[5:], "big"), payload)
        return data != b""

    def receive_until_closed(self) -> None:
        while self.receive():
            pass

    def pong(self) -> None:
        for ping in self._pings:
            self.write(frame(PING, ACK, 0, ping))
        self._pings.clear()

    def will_answer(self, stream: int) -> bool:
        """Whether the server has not said that it will not have seen a stream."""
        return not self.goaways or stream <= self.goaways[-1][0]

    def _head(self, stream: int, fields: Iterable[Field], *, ends: bool) -> None:
        block = self._encoder.encode(list(fields))
        flags = END_HEADERS | (END_STREAM if ends else 0)
        self.write(frame(HEADERS, flags, stream, block))

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        response = self.responses.get(stream, Response())
        if kind == HEADERS:
            assert flags & END_HEADERS
            fields = self._decoder.decode(payload, raw=True)
            response.take_head([(it[0].decode(), it[1].decode("latin-1")) for it in fields])
        elif kind == DATA:
            response.body += payload
            if payload:
                room = len(payload).to_bytes(4, "big")
                self.write(frame(WINDOW_UPDATE, 0, 0, room))
                self.write(frame(WINDOW_UPDATE, 0, stream, room))
        elif kind == RST_STREAM:
            response.reset = int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = payload[at : at + 2], payload[at + 2 : at + 6]
                self.settings[int.from_bytes(name, "big")] = int.from_bytes(value, "big")
            self.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self._pings.append(payload)
            if self.answers_pings:
                self.pong()
        elif kind == GOAWAY:
            last, code = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
            self.goaways.append((last, code))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            response.ended = True
