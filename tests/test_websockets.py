"""Websockets over ASGI: against the `websockets` package, and byte by byte where a proper
client would not do it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
from collections.abc import Iterator

import pytest
from conftest import Serve
from serving import DEADLINE_SECONDS, Client, Served, wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from serving import served

    folder = tmp_path_factory.mktemp("websockets")
    arguments = ("--asgi-loop", "uvloop", "--ws-max-size", "2000000")
    with served(folder, *arguments, app="websocket_app:app") as started:
        yield started


def opened(
    server: Served,
    path: str,
    *,
    compression: str | None = "deflate",
    subprotocols: list[Subprotocol] | None = None,
    headers: dict[str, str] | None = None,
) -> ClientConnection:
    assert isinstance(server.address, tuple)
    host, port = server.address
    return connect(
        f"ws://{host}:{port}{path}",
        compression=compression,
        subprotocols=subprotocols,
        additional_headers=headers,
        open_timeout=DEADLINE_SECONDS,
        close_timeout=DEADLINE_SECONDS,
        max_size=None,
        proxy=None,
    )


class Raw:
    """A client that sends the frames that it is told to."""

    def __init__(self, server: Served, path: str = "/echo", **fields: str) -> None:
        self.client = server.client()
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        self.answer = self.client.ask(path, headers={**upgrade, **key, **given})

    def __enter__(self) -> Raw:
        assert self.answer.status == 101
        assert self.answer.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def send(self, first: int, payload: bytes = b"", *, masked: bool = True) -> None:
        mask = os.urandom(4)
        bit = 0x80 if masked else 0
        if len(payload) < 126:
            head = bytes([first, bit | len(payload)])
        else:
            head = struct.pack("!BBQ", first, bit | 127, len(payload))
            assert len(payload) > 65535
        if masked:
            payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.client.send(head + (mask if masked else b"") + payload)

    def frame(self) -> tuple[int, bytes]:
        """The next frame: its first byte, and its payload."""
        first, second = self.client._exactly(2)
        assert second < 126
        return first, self.client._exactly(second)

    def closed(self) -> int:
        """The code that the server closes with, after which it closes the connection."""
        first, payload = self.frame()
        assert first == 0x88, (first, payload)
        assert self.client.is_closed()
        return struct.unpack("!H", payload[:2])[0] if payload else 1005


@LOOPS
def test_messages_come_back(serve: Serve, loop: str) -> None:
    server = serve("--asgi-loop", loop, app="websocket_app:app")
    text = "déjà vu 🦀 " * 2000
    for compression in ("deflate", None):
        with opened(server, "/echo", compression=compression) as client:
            offered = [extension.name for extension in client.protocol.extensions]
            assert offered == (["permessage-deflate"] if compression else [])
            for message in ("", "short", text, b"", bytes(range(256)), bytes(3 << 20)):
                client.send(message)
            # All at once, and in their order.
            client.send(part for part in ("in ", "three ", "parts"))
            for message in ("", "short", text, b"", bytes(range(256)), bytes(3 << 20)):
                assert client.recv() == message
            assert client.recv() == "in three parts"
            client.ping(b"there?").wait(DEADLINE_SECONDS)
        assert (client.close_code, client.close_reason) == (1000, "")
    wait_for(lambda: server.events() == ["disconnect 1000 "] * 2, "two goodbyes")


def test_messages_are_compressed_where_a_client_offers_it(server: Served) -> None:
    with Raw(server, Sec_WebSocket_Extensions="permessage-deflate") as raw:
        assert (raw.answer.get("sec-websocket-extensions") or "").startswith("permessage-deflate")
        raw.send(0xC1, bytes([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]))
        assert raw.frame() == (0x81, b"Hello")
        raw.send(0x81, b"a" * 125)
        raw.frame()
        for first in (0x01, 0x00, 0x80):
            raw.send(first, b"a" * 100)
        first, payload = raw.frame()
        assert first == 0xC1
        assert len(payload) < 40


def test_no_message_is_compressed_where_that_is_turned_off(serve: Serve) -> None:
    server = serve("--no-ws-per-message-deflate", app="websocket_app:app")
    with opened(server, "/echo") as client:
        assert client.protocol.extensions == []
        client.send("a" * 1000)
        assert client.recv() == "a" * 1000


def test_scope_and_handshake(server: Served) -> None:
    protocols = [Subprotocol("first"), Subprotocol("second")]
    headers = {"X-A": "one"}
    with opened(server, "/scope?a=%20b", subprotocols=protocols, headers=headers) as client:
        scope = json.loads(client.recv())
        assert client.response is not None
        assert client.response.headers["x-given"] == "1"
    assert scope["type"] == "websocket"
    assert scope["scheme"] == "ws"
    assert scope["path"] == "/scope"
    assert scope["query_string"] == repr(b"a=%20b")
    assert scope["subprotocols"] == ["first", "second"]
    assert [repr(b"x-a"), repr(b"one")] in scope["headers"]
    assert scope["client"][0] == "127.0.0.1"
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert "method" not in scope
    with opened(server, "/echo", subprotocols=protocols) as client:
        assert client.subprotocol == "second"


def test_clients_that_are_not_accepted(server: Served) -> None:
    for path, status, body in [
        ("/deny", 403, b""),
        ("/respond", 401, b"who are you?"),
        ("/fail", 500, b"Internal Server Error\n"),
        ("/leave", 500, b"Internal Server Error\n"),
    ]:
        with pytest.raises(InvalidStatus) as refused, opened(server, path):
            pass
        response = refused.value.response
        assert (response.status_code, response.body) == (status, body)
    server.wait_for_log("RuntimeError: asked for")
    server.wait_for_log("returned without a response")


def test_handshakes_that_are_none(server: Served) -> None:
    assert Raw(server, Sec_WebSocket_Key="short").answer.status == 400
    answer = Raw(server, Sec_WebSocket_Version="8").answer
    assert (answer.status, answer.get("sec-websocket-version")) == (426, "13")
    assert (answer.get("upgrade"), answer.all("connection")) == ("websocket", ["Upgrade", "close"])
    # Another protocol is asked for: as if it had not been (RFC 9110, 7.8).
    assert Raw(server, "/", Upgrade="h2c").answer.status == 200


def test_ends_that_the_application_makes(server: Served) -> None:
    for path, code, reason in [
        ("/close", 4001, "enough"),
        ("/fail-later", 1011, ""),
        ("/leave-later", 1000, ""),
    ]:
        with opened(server, path) as client:
            with contextlib.suppress(ConnectionClosed):
                client.send("go")
            with pytest.raises(ConnectionClosed) as closed:
                client.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, reason)
    server.wait_for_log("RuntimeError: asked for later")
    assert any("the websocket is closed" in event for event in server.events())


def test_clients_that_break_the_rules(server: Served) -> None:
    for first, payload, masked, code in [
        (0x81, b"no mask", False, 1002),
        (0xB1, b"reserved", True, 1002),
        (0x83, b"unknown", True, 1002),
        (0x80, b"nothing to go on with", True, 1002),
        (0x09, b"a ping in parts", True, 1002),
        (0x81, b"\xff\xfe", True, 1007),
        (0x88, b"\x03", True, 1002),
        (0x88, b"\x03\xed", True, 1002),
    ]:
        with Raw(server) as raw:
            raw.send(first, payload, masked=masked)
            assert raw.closed() == code, payload
    with Raw(server) as raw:
        # Its length alone is too much.
        raw.client.send(struct.pack("!BBQ", 0x82, 0xFF, 2_000_001) + b"mask")
        assert raw.closed() == 1009
    wait_for(lambda: "disconnect 1009 message too big" in server.events(), "the reason")


def test_clients_that_go(server: Served) -> None:
    with Raw(server) as raw:
        raw.send(0x88, struct.pack("!H", 3000) + b"bye")
        assert raw.closed() == 3000
    wait_for(lambda: "disconnect 3000 bye" in server.events(), "the code")
    before = server.events().count("disconnect 1006 ")
    with Raw(server):
        pass
    wait_for(lambda: server.events().count("disconnect 1006 ") > before, "the loss")


def test_a_client_that_does_not_read_holds_the_application_back(server: Served) -> None:
    with Raw(server, "/flood"):
        wait_for(lambda: any(e.startswith("sent ") for e in server.events()), "it to wait")
    (event,) = (event for event in server.events() if event.startswith("sent "))
    # What fits into the kernel's buffers, and little more.
    assert int(event.split()[1]) * 65536 < 32 << 20


def test_an_application_that_does_not_read_holds_the_client_back(server: Served) -> None:
    before = server.rss_kib()
    part = bytes(1 << 16)
    with Raw(server, "/ignore") as raw:
        raw.client.socket.settimeout(1)
        sent = 0
        block = struct.pack("!BBQ", 0x82, 0xFF, len(part)) + bytes(4) + part
        with contextlib.suppress(TimeoutError):
            while sent < 256 << 20:
                raw.client.socket.sendall(block)
                sent += len(part)
        # What fits into the kernel's buffers, and little more.
        assert sent < 32 << 20
        assert server.rss_kib() - before < 16 << 10


def test_a_client_that_floods_does_not_keep_others_from_their_turn(server: Served) -> None:
    with Raw(server, "/take-turns") as raw:
        raw.client.send((b"\x81\x81" + bytes(4) + b"x") * 2000)
        first, payload = raw.frame()
        assert first == 0x81
        assert int(payload) <= 64


def test_pings_are_sent_and_silence_ends_it(serve: Serve) -> None:
    options = ("--ws-ping-interval", "0.5", "--ws-ping-timeout", "1")
    server = serve(*options, app="websocket_app:app")
    with opened(server, "/echo") as polite, Raw(server) as silent:
        assert silent.frame() == (0x89, b"")
        assert silent.frame() == (0x88, struct.pack("!H", 1011) + b"keepalive ping timeout")
        assert silent.client.is_closed()
        polite.send("still there")
        assert polite.recv() == "still there"
    wait_for(lambda: "disconnect 1006 keepalive ping timeout" in server.events(), "the loss")


@pytest.mark.parametrize(
    ("loop", "number"), [("asyncio", signal.SIGTERM), ("uvloop", signal.SIGQUIT)]
)
def test_a_server_that_ends_says_goodbye(serve: Serve, loop: str, number: signal.Signals) -> None:
    options = ("--asgi-loop", loop, "--graceful-timeout", "3")
    server = serve(*options, app="websocket_app:app")
    with opened(server, "/echo") as client, Raw(server, "/ignore") as busy:
        client.send("before")
        assert client.recv() == "before"
        server.send_signal(number)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        # Also to one whose application does not listen.
        assert busy.closed() == 1001
    # The application of the latter does not end by itself.
    assert server.process.wait(DEADLINE_SECONDS) == 0


@pytest.mark.parametrize("app", ["starlette_app:app", "fastapi_app:app", "quart_app:app"])
def test_a_framework(serve: Serve, app: str) -> None:
    server = serve(app=app)
    with opened(server, "/websocket?name=x") as client:
        assert client.recv() == "hello x"
        for text in ("one", "two"):
            client.send(text)
            assert client.recv() == text
        client.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 3001
    # One that goes is no error of the application's.
    with opened(server, "/websocket?name=y"):
        pass
    with Client(server.address) as plain:
        assert plain.ask("/").status == 200
    assert "Error handling request" not in server.stderr


def test_the_access_log_has_each_when_it_ends(serve: Serve) -> None:
    server = serve("--access-logfile", "-", app="websocket_app:app")
    with opened(server, "/echo") as client:
        client.send("x" * 100)
        client.recv()
    server.wait_for_output('"GET /echo HTTP/1.1" 101 ')
