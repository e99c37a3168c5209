"""What frameworks do with ASGI's callables beyond awaiting them one after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from typing import Any

from asgi_app import Scope, context, events, get_events  # noqa: F401 (a route)


def app(scope: Scope, receive: Any, send: Any) -> Any:
    """No coroutine function: what it does itself has to stay in the request's context."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    scope["before"] = context.get()
    context.set("set by a plain function")
    name = scope["path"].strip("/").replace("-", "_")
    return globals()[f"get_{name}"](scope, receive, send)


class Awaited:
    """An answer that can be awaited and is no coroutine."""

    def __init__(self, send: Any) -> None:
        self._send = send

    def __await__(self) -> Generator[Any, None, None]:
        return answer(self._send, "awaited").__await__()


async def answer(send: Any, text: str) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": text.encode()})


def get_awaitable(scope: Scope, receive: Any, send: Any) -> Awaited:
    return Awaited(send)


async def get_ready(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, "ready")


async def get_before(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, scope["before"])


async def get_tasks(scope: Scope, receive: Any, send: Any) -> None:
    """Both as tasks of their own."""
    first = await asyncio.create_task(receive())
    waiting = asyncio.create_task(receive())
    await asyncio.sleep(0)
    pending = not waiting.done()
    await asyncio.create_task(send({"type": "http.response.start", "status": 200, "headers": []}))
    text = f"{first['type']} {pending}".encode()
    await asyncio.create_task(send({"type": "http.response.body", "body": text}))
    events.append((await waiting)["type"])


async def get_polls(scope: Scope, receive: Any, send: Any) -> None:
    """Asks again and again whether the client is gone, as frameworks do: by a `receive` that
    is cancelled at once."""
    await receive()
    gone = 0
    for _ in range(1000):
        try:
            await asyncio.wait_for(receive(), 0)
            gone += 1
        except asyncio.TimeoutError:
            pass
    await answer(send, f"gone {gone}")


async def get_two_wait(scope: Scope, receive: Any, send: Any) -> None:
    """Two who wait for the same thing."""
    await receive()
    waiting = [asyncio.ensure_future(receive()) for _ in range(2)]
    await asyncio.sleep(0)
    await answer(send, "answered")
    events.append(" ".join(message["type"] for message in await asyncio.gather(*waiting)))


async def get_file(scope: Scope, receive: Any, send: Any) -> None:
    assert "http.response.pathsend" in scope["extensions"]
    length = str(os.path.getsize(os.environ["FILE"])).encode()
    fields = [[b"content-length", length]]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.pathsend", "path": os.environ["FILE"]})


async def get_views(scope: Scope, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": ((b"x-a", b"1"),)})
    for part in (memoryview(b"one "), bytearray(b"two "), b"three"):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


async def get_short(scope: Scope, receive: Any, send: Any) -> None:
    fields = [(b"content-length", b"100")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"too short"})


async def get_twice(scope: Scope, receive: Any, send: Any) -> None:
    await answer(send, "once")
    try:
        await send({"type": "http.response.body", "body": b"twice"})
    except RuntimeError as error:
        events.append(f"twice: {error}")


async def get_hangs(scope: Scope, receive: Any, send: Any) -> None:
    """Does not notice that its client goes."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        events.append("cancelled")
        raise


async def get_sends_on(scope: Scope, receive: Any, send: Any) -> None:
    """Does not handle what `send` raises where the client is gone."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            await asyncio.sleep(0.01)
    except OSError as error:
        events.append(f"sends on: {type(error).__name__}")
        raise RuntimeError("of the framework") from error


async def get_hints(scope: Scope, receive: Any, send: Any) -> None:
    assert "http.response.early_hint" in scope["extensions"]
    links = [b"</style.css>; rel=preload", b"</script.js>; rel=preload"]
    await send({"type": "http.response.early_hint", "links": links})
    fields = [(b"x-a", b"1")]
    await send({"type": "http.response.informational", "status": 103, "headers": fields})
    for broken in (
        {"type": "http.response.early_hint", "links": [b"a\r\nb"]},
        {"type": "http.response.early_hint"},
        {"type": "http.response.informational", "status": 101, "headers": []},
        {"type": "http.response.informational", "status": 200, "headers": []},
    ):
        try:
            await send(broken)
        except ValueError:
            continue
        raise AssertionError(broken)
    await answer(send, "hinted")


async def get_trailers(scope: Scope, receive: Any, send: Any) -> None:
    assert "http.response.trailers" in scope["extensions"]
    fields = [(b"trailer", b"x-sum, x-more")]
    start = {"type": "http.response.start", "status": 200, "headers": fields, "trailers": True}
    await send(start)
    await send({"type": "http.response.body", "body": b"one ", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})
    sums = [(b"x-sum", b"1")]
    await send({"type": "http.response.trailers", "headers": sums, "more_trailers": True})
    await send({"type": "http.response.trailers", "headers": [(b"x-more", b"2")]})
    events.append("trailers sent")


async def get_stray_trailers(scope: Scope, receive: Any, send: Any) -> None:
    """Trailers that were not announced."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    try:
        await send({"type": "http.response.trailers", "headers": []})
    except RuntimeError as error:
        await send({"type": "http.response.body", "body": str(error).encode()})


async def get_folder(scope: Scope, receive: Any, send: Any) -> None:
    """No file."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.pathsend", "path": "/"})
