"""Applications that hang in each way there is, for WSGI and ASGI; what hangs is named in the
path, and each has a function whose name a stack shows."""

from __future__ import annotations

import asyncio
import collections
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

_LOCK = threading.Lock()


def in_a_lock() -> None:
    with _LOCK, _LOCK:
        pass


def in_a_loop() -> None:
    while True:
        pass


def in_a_sleep() -> None:
    """In C, with the interpreter's lock given away."""
    time.sleep(600)


def in_c() -> None:
    """In C, with the interpreter's lock kept: not even a signal's handler can run."""
    collections.deque(itertools.count(), maxlen=0)


def in_a_moment() -> None:
    time.sleep(0.8)


def in_memory() -> None:
    """Takes all that there is; each page is written, since only then it counts."""
    held = []
    while True:
        held.append(b"x" * (10 << 20))


_HANGS: dict[str, Callable[[], None]] = {
    "/lock": in_a_lock,
    "/loop": in_a_loop,
    "/sleep": in_a_sleep,
    "/c": in_c,
    "/moment": in_a_moment,
    "/memory": in_memory,
}


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    _HANGS.get(environ["PATH_INFO"], int)()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]


async def in_an_event() -> None:
    await asyncio.Event().wait()


# What became of requests that waited.
ended: list[str] = []


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")
    body = str(os.getpid())
    if scope["path"] == "/event":
        try:
            await in_an_event()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
    elif scope["path"] == "/ended":
        body = ",".join(ended)
    else:
        _HANGS.get(scope["path"], int)()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body.encode()})
