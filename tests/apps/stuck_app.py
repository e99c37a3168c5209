"""An application that keeps the interpreter's lock for as long as anybody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/spin":
        # A loop in C, which lets nobody in: it takes half an hour.
        sum(range(10**11))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
