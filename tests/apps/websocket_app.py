"""Websockets for the suite: each path of ``/`` is one way to treat a client."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

events: list[str] = []


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        body = json.dumps(events).encode() if scope["path"] == "/events" else b"Hello, World!"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    elif scope["type"] == "websocket":
        assert (await receive()) == {"type": "websocket.connect"}
        await WAYS[scope["path"]](scope, receive, send)


async def accept(send: Send, **more: object) -> None:
    await send({"type": "websocket.accept", **more})


async def disconnected(message: Message) -> bool:
    if message["type"] == "websocket.disconnect":
        events.append(f"disconnect {message['code']} {message['reason']}")
        return True
    return False


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    offered = scope["subprotocols"]
    await accept(send, subprotocol=offered[-1] if offered else None)
    while not await disconnected(message := await receive()):
        await send({**message, "type": "websocket.send"})


async def worker(scope: Scope, receive: Receive, send: Send) -> None:
    """Says who answers."""
    await accept(send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"{os.getpid()} {message['text']}"})


async def tell_scope(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(send, headers=[(b"x-given", b"1"), (b"sec-websocket-accept", b"forged")])
    await send({"type": "websocket.send", "text": json.dumps(scope, default=repr)})


async def close(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(send)
    await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
    assert await disconnected(await receive())
    try:
        await send({"type": "websocket.send", "text": "late"})
    except RuntimeError as error:
        events.append(str(error))


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})
    assert await disconnected(await receive())


async def respond(scope: Scope, receive: Receive, send: Send) -> None:
    assert "websocket.http.response" in scope["extensions"]
    start = {"status": 401, "headers": [(b"www-authenticate", b"Basic")]}
    await send({"type": "websocket.http.response.start", **start})
    await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"are you?"})


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("asked for")


async def fail_later(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(send)
    await receive()
    raise RuntimeError("asked for later")


async def leave(scope: Scope, receive: Receive, send: Send) -> None:
    pass


async def leave_later(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(send)


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends what nobody reads, and counts how much of it could be sent."""
    await accept(send)
    sent = 0
    try:
        while True:
            sending = asyncio.ensure_future(send({"type": "websocket.send", "bytes": bytes(65536)}))
            await asyncio.wait_for(sending, 1)
            sent += 1
    except asyncio.TimeoutError:
        events.append(f"sent {sent}")
    await receive()


async def ignore(scope: Scope, receive: Receive, send: Send) -> None:
    """Lets its client wait until somebody says otherwise."""
    await accept(send)
    while "go on" not in events:
        await asyncio.sleep(0.01)
    received = 0
    while not await disconnected(message := await receive()):
        received += len(message["bytes"])
        if message["bytes"].endswith(b"!"):
            await send({"type": "websocket.send", "text": str(received)})


async def go_on(scope: Scope, receive: Receive, send: Send) -> None:
    events.append("go on")
    await send({"type": "websocket.close"})


async def take_turns(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how many messages came before something else had its turn."""
    await accept(send)
    await receive()
    turn = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(turn.set_result, None)
    taken = 0
    while not turn.done():
        await receive()
        taken += 1
    await send({"type": "websocket.send", "text": str(taken)})


WAYS = {
    "/take-turns": take_turns,
    "/echo": echo,
    "/worker": worker,
    "/scope": tell_scope,
    "/close": close,
    "/deny": deny,
    "/respond": respond,
    "/fail": fail,
    "/fail-later": fail_later,
    "/leave": leave,
    "/leave-later": leave_later,
    "/flood": flood,
    "/ignore": ignore,
    "/go-on": go_on,
}
