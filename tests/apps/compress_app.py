"""A body that takes long to compress, and a thread that wants the interpreter all the while."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

# Of two letters without any order: much work for a coder, and little that comes of it.
_BODY = f"{random.Random(1).getrandbits(12 << 20):b}".encode()


class _Watch:
    """Notices how long the interpreter was not to be had."""

    def __init__(self) -> None:
        self._begun, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._seconds = self._longest = 0.0

    def _look(self) -> None:
        last = start = time.monotonic()
        while not self._over.is_set():
            self._begun.set()
            now = time.monotonic()
            last, self._longest = now, max(self._longest, now - last)
        self._seconds = last - start

    def begin(self) -> None:
        self._thread.start()
        self._begun.wait()

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        seen.update(seconds=self._seconds, longest=self._longest)


seen: dict[str, float] = {}


def _parts() -> Iterator[bytes]:
    watch = _Watch()
    watch.begin()
    try:
        yield _BODY
    finally:
        watch.end()


def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _parts() if environ["PATH_INFO"] == "/long" else [json.dumps(seen).encode()]


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/long":
        watch = _Watch()
        watch.begin()
        await send({"type": "http.response.body", "body": _BODY, "more_body": True})
        watch.end()
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
