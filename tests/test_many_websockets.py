"""A thousand websockets echo under load, and survive what is done to other workers.

The protocol is that of the `websockets` package, which forgives nothing; its clients would
take most of the time.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from conftest import Serve
from serving import DEADLINE_SECONDS, Served
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

COUNT = 1000

# Between an echo and the next message of a client: together they are busy, and whoever
# comes anew has its turn on a slow machine, too.
PAUSE_SECONDS = 0.2

# Handshakes under way at once: fewer than the backlog of any listener.
OPENING = 64


@dataclass
class Crowd:
    """Clients that each always wait for an echo, and come again when they are told to go."""

    server: Served
    gate: asyncio.Semaphore
    is_over: bool = False
    # Echoes of each.
    echoes: list[int] = field(default_factory=lambda: [0] * COUNT)
    # Which worker answered whom last, on the connection that is open.
    workers: dict[int, int] = field(default_factory=dict)
    # Who was told to go, and with which code.
    told: list[tuple[int, int | None]] = field(default_factory=list)

    async def client(self, number: int) -> None:
        assert isinstance(self.server.address, tuple)
        host, port = self.server.address
        while not self.is_over:
            client = Client(self, number)
            async with self.gate:
                await asyncio.get_running_loop().create_connection(client.itself, host, port)
                await client.opened
            await client.closed

    async def until(
        self, condition: Callable[[], bool], clients: asyncio.Future[list[None]]
    ) -> None:
        """Waits, but not for clients that have failed."""
        deadline = asyncio.get_running_loop().time() + 2 * DEADLINE_SECONDS
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, self.told[-5:]
            if clients.done():
                clients.result()
            await asyncio.sleep(0.02)

    async def until_all_go_on(self, clients: asyncio.Future[list[None]]) -> None:
        before = list(self.echoes)
        await self.until(
            lambda: all(a > b for a, b in zip(self.echoes, before, strict=True)), clients
        )

    def has_all(self) -> bool:
        return len(self.workers) == COUNT


class Client(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        assert isinstance(crowd.server.address, tuple)
        host, port = crowd.server.address
        self.crowd, self.number = crowd, number
        self.protocol = ClientProtocol(parse_uri(f"ws://{host}:{port}/worker"))
        self.opened = asyncio.get_running_loop().create_future()
        self.closed = asyncio.get_running_loop().create_future()

    def itself(self) -> Client:
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.protocol.send_request(self.protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                self._take(event)
            self._flush()
        except Exception as error:
            self._end(error)

    def eof_received(self) -> None:
        self.protocol.receive_eof()
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)

    def _take(self, event: object) -> None:
        if isinstance(event, Response):
            assert event.status_code == 101
            self.opened.set_result(None)
            self._send()
        elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
            worker, _, text = bytes(event.data).decode().partition(" ")
            assert text == self._text()
            self.crowd.workers[self.number] = int(worker)
            self.crowd.echoes[self.number] += 1
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._go_on)

    def _text(self) -> str:
        return f"{self.number} {self.crowd.echoes[self.number]}"

    def _send(self) -> None:
        if self.protocol.state is not State.OPEN:
            return
        if self.crowd.is_over:
            self.protocol.send_close(1000)
        else:
            self.protocol.send_text(self._text().encode())

    def _go_on(self) -> None:
        self._send()
        self._flush()

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.transport.close()

    def _end(self, error: Exception | None) -> None:
        received = self.protocol.close_rcvd
        if not self.crowd.is_over and not self.closed.done():
            self.crowd.workers.pop(self.number, None)
            self.crowd.told.append((self.number, received.code if received else None))
        for ended in (self.opened, self.closed):
            if not ended.done():
                lost = error if error or self.opened.done() else ConnectionError("not opened")
                if lost is None:
                    ended.set_result(None)
                else:
                    ended.set_exception(lost)


async def survive(server: Served) -> None:
    crowd = Crowd(server, asyncio.Semaphore(OPENING))
    clients = asyncio.gather(*(crowd.client(number) for number in range(COUNT)))
    await crowd.until(crowd.has_all, clients)
    assert crowd.told == []

    # One worker is replaced: who is with the other one notices nothing.
    workers = sorted(set(crowd.workers.values()))
    assert len(workers) == 2
    leaving = workers[0]
    with_it = sorted(number for number, worker in crowd.workers.items() if worker == leaving)
    os.kill(leaving, signal.SIGTERM)
    await crowd.until(lambda: len(crowd.told) >= len(with_it) and crowd.has_all(), clients)
    await crowd.until_all_go_on(clients)
    assert sorted(crowd.told) == [(number, 1001) for number in with_it]

    # All are replaced, one after the other: each client is told, and goes on.
    old = set(crowd.workers.values())
    server.send_signal(signal.SIGHUP)
    await crowd.until(lambda: crowd.has_all() and not old & set(crowd.workers.values()), clients)
    await crowd.until_all_go_on(clients)
    assert {code for _, code in crowd.told} == {1001}
    crowd.is_over = True
    await clients


def test_a_thousand_survive_a_reload_of_the_others(serve: Serve) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The server inherits it.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    server = serve("--workers", "2", app="websocket_app:app")
    asyncio.run(survive(server))
    assert "Error handling request" not in server.stderr
