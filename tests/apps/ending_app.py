"""ASGI: says on standard error how it is ended. STUCK makes its shutdown last."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        _say("shutdown begins")
        await asyncio.sleep(60 if os.environ.get("STUCK") else 0)
        _say("shutdown ends")
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/ready":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
        return
    _say("a request is held")
    if scope["path"] == "/computes":
        time.sleep(60)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        _say("cancelled")
        raise


async def raises_at_startup(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        raise OSError("no database")
    await app(scope, receive, send)
