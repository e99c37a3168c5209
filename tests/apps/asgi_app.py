"""An ASGI application that does each thing that the specification allows, and some that
it does not."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import sys
from typing import Any
from urllib.parse import parse_qs

Scope = dict[str, Any]

TEXT = (b"content-type", b"text/plain")

context: contextvars.ContextVar[str] = contextvars.ContextVar("context", default="unset")

# What happened in this worker, for tests to ask for.
events: list[str] = []


async def app(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    assert scope["type"] == "http", scope["type"]
    name = scope["path"].strip("/").split("/")[0].replace("-", "_")
    route = globals().get(f"get_{name or 'hello'}")
    if route is None:
        await _answer(send, b"not found", 404)
        return
    await route(scope, receive, send)


class Asgi2:
    """ASGI 2: a class that takes the scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await app(self._scope, receive, send)


async def lifespan(scope: Scope, receive: Any, send: Any) -> None:
    message = await receive()
    assert message["type"] == "lifespan.startup"
    scope["state"]["greeting"] = "from the lifespan"
    events.append("startup")
    await send({"type": "lifespan.startup.complete"})
    message = await receive()
    assert message["type"] == "lifespan.shutdown"
    if path := os.environ.get("SHUTDOWN_MARK"):
        with open(path, "a") as file:
            file.write("shutdown\n")
    await send({"type": "lifespan.shutdown.complete"})


async def without_lifespan(scope: Scope, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await app(scope, receive, send)


async def failing_lifespan(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        return
    await app(scope, receive, send)


async def _answer(send: Any, body: bytes, status: int = 200, *fields: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [TEXT, length, *fields]}
    )
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        assert message["type"] == "http.request", message
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _number(scope: Scope, name: str, default: float = 0) -> float:
    values = parse_qs(scope["query_string"].decode()).get(name)
    return float(values[0]) if values else default


async def get_hello(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, b"Hello, World!")


get_ready = get_hello


async def get_scope(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, json.dumps(scope, default=repr).encode())


async def get_types(scope: Scope, receive: Any, send: Any) -> None:
    """The exact type of each value, which JSON would hide."""
    shown = {name: type(value).__name__ for name, value in scope.items()}
    shown["header"] = ",".join(type(part).__name__ for pair in scope["headers"] for part in pair)
    await _answer(send, json.dumps(shown).encode())


async def get_state(scope: Scope, receive: Any, send: Any) -> None:
    """What the lifespan left, which a request may change for itself only."""
    text = scope["state"]["greeting"]
    scope["state"]["greeting"] = "changed"
    await _answer(send, text.encode())


async def get_body(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, await _body(receive))


async def get_ignores_body(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, b"ignored")


async def get_parts(scope: Scope, receive: Any, send: Any) -> None:
    """How many messages a body came in, and the largest of them."""
    sizes = []
    while True:
        message = await receive()
        sizes.append(len(message.get("body", b"")))
        if not message.get("more_body", False):
            break
    await _answer(send, json.dumps(sizes).encode())


async def get_duplex(scope: Scope, receive: Any, send: Any) -> None:
    """Answers each part before it has the next."""
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    while True:
        message = await receive()
        body, more = message.get("body", b""), message.get("more_body", False)
        await send({"type": "http.response.body", "body": body, "more_body": more})
        if not more:
            return


async def get_stream(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    for part in (b"one ", b"", b"two "):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"three"})


async def get_slow_stream(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    for part in (b"one ", b"two "):
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b"three"})


async def get_large(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, b"x" * int(_number(scope, "bytes")))


async def get_endless(scope: Scope, receive: Any, send: Any) -> None:
    """Sends until the client is gone; back-pressure is what keeps memory bounded."""
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    sent = 0
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            sent += 65536
            await asyncio.sleep(0)
            if sent > 1 << 30:
                events.append("no back-pressure")
                return
    except (OSError, asyncio.CancelledError) as error:
        events.append(type(error).__name__)
        raise
    finally:
        events.append("endless ended")


async def get_disconnect(scope: Scope, receive: Any, send: Any) -> None:
    """Waits until the client hangs up."""
    await _body(receive)
    message = await receive()
    events.append(message["type"])


async def get_events(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, json.dumps(events).encode())


async def get_error(scope: Scope, receive: Any, send: Any) -> None:
    raise RuntimeError("asked for")


async def get_error_late(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise RuntimeError("asked for")


async def get_nothing(scope: Scope, receive: Any, send: Any) -> None:
    """Returns without an answer."""


async def get_start_only(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [TEXT]})


async def get_wrong(scope: Scope, receive: Any, send: Any) -> None:
    """Messages that are not allowed; what the server says is the answer."""
    kind = scope["path"].rsplit("/", 1)[1]
    messages: list[Any] = {
        "body_first": [{"type": "http.response.body", "body": b""}],
        "unknown": [{"type": "http.response.nonsense"}],
        "no_status": [{"type": "http.response.start", "headers": []}],
        "text_field": [{"type": "http.response.start", "status": 200, "headers": [("a", "b")]}],
        "newline": [
            {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]}
        ],
        "text_body": [
            {"type": "http.response.start", "status": 200, "headers": []},
            {"type": "http.response.body", "body": "text"},
        ],
    }[kind]
    for message in messages:
        await send(message)


async def get_status(scope: Scope, receive: Any, send: Any) -> None:
    status = int(scope["path"].rsplit("/", 1)[1])
    await send({"type": "http.response.start", "status": status, "headers": [TEXT]})
    await send({"type": "http.response.body", "body": b"body"})


async def get_sleep(scope: Scope, receive: Any, send: Any) -> None:
    await asyncio.sleep(_number(scope, "seconds"))
    await _answer(send, b"slept")


get_slow = get_sleep


async def get_held(scope: Scope, receive: Any, send: Any) -> None:
    """Says that it has begun, for tests that wait for that."""
    print("a request is held", file=sys.stderr, flush=True)
    await get_sleep(scope, receive, send)


async def get_pid(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, str(os.getpid()).encode())


async def get_loop(scope: Scope, receive: Any, send: Any) -> None:
    await _answer(send, type(asyncio.get_running_loop()).__module__.encode())


async def get_context(scope: Scope, receive: Any, send: Any) -> None:
    """What another request set must not be seen; a task of our own must be there."""
    seen = context.get()
    context.set("leaked")
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(5) if hasattr(asyncio, "timeout") else Nothing():
        await asyncio.sleep(0)
    assert asyncio.current_task() is task
    await _answer(send, seen.encode())


class Nothing:
    """Where ``asyncio.timeout`` is missing (Python 3.10)."""

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


async def get_background(scope: Scope, receive: Any, send: Any) -> None:
    """Goes on after the answer, as background tasks of frameworks do."""
    await _answer(send, b"answered")
    await asyncio.sleep(0.05)
    events.append("background")


async def get_after_end(scope: Scope, receive: Any, send: Any) -> None:
    """``receive`` after the answer tells that the request is over."""
    await _body(receive)
    await _answer(send, b"answered")
    message = await receive()
    events.append(f"after the end: {message['type']}")
