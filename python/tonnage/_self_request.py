"""``--reload-check``: what a new worker asks its own application for before it takes the
place of one that serves. No connection is made: the application is called as for a request."""

from __future__ import annotations

import io
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

__all__ = ["ask_asgi", "ask_wsgi"]

# How long an event loop waits for the answer; a worker without one has its `timeout`.
_SECONDS = 30.0

# How much of an answer is looked at: what it says first tells whether it works.
_MOST_BYTES = 1 << 20

# Answers from here on mean that the application does not work.
_FIRST_ERROR = 400

_AGENT = "tonnage-reload-check"


def ask_wsgi(app: Callable[..., Any], target: str, root_path: str) -> str | None:
    """Asks a WSGI application; what is wrong, in one line, or ``None``."""
    statuses: list[str] = []

    def start_response(status: str, _fields: Any, _exc_info: Any = None) -> Callable[..., None]:
        statuses.append(status)
        return lambda _data: None

    try:
        parts = app(_environ(target, root_path), start_response)
        try:
            seen = 0
            for part in parts:
                seen += len(part)
                if seen > _MOST_BYTES:
                    break
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
    except Exception as error:
        return _raised(target, error)
    return _judged(target, statuses[-1].split(" ")[0] if statuses else None)


async def ask_asgi(
    app: Callable[..., Awaitable[Any]], target: str, root_path: str, state: dict[str, Any]
) -> str | None:
    """The same of an ASGI application, on its loop and after its startup."""
    # Nobody else has to have it, nor ssl, which comes with it.
    import asyncio

    statuses: list[int] = []
    answered = asyncio.Event()
    is_asked = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal is_asked
        if not is_asked:
            is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(message["status"]))
        elif not message.get("more_body", False):
            answered.set()

    try:
        call = app(_scope(target, root_path, state), receive, send)
        await asyncio.wait_for(call, _SECONDS)
    except asyncio.TimeoutError:
        return f"The self-request {target} was not answered within {_SECONDS:.0f} s"
    except Exception as error:
        return _raised(target, error)
    return _judged(target, statuses[-1] if statuses else None)


def _judged(target: str, status: str | int | None) -> str | None:
    if status is None:
        return f"The self-request {target} was not answered"
    if not str(status).isdigit() or int(status) >= _FIRST_ERROR:
        return f"The self-request {target} was answered with {status}"
    return None


def _raised(target: str, error: Exception) -> str:
    return f"The self-request {target} raised {type(error).__name__}: {error}"


def _split(target: str) -> tuple[SplitResult, str, str, int, str]:
    """The parts of a path or URL: all of it, scheme, host, port and path."""
    url = urlsplit(target)
    scheme = url.scheme or "http"
    port = url.port or (443 if scheme == "https" else 80)
    return url, scheme, url.hostname or "localhost", port, url.path or "/"


def _environ(target: str, root_path: str) -> dict[str, Any]:
    url, scheme, host, port, path = _split(target)
    root = root_path.rstrip("/")
    inner = path.removeprefix(root) if path.startswith(f"{root}/") else path
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": root,
        "PATH_INFO": unquote_to_bytes(inner).decode("latin-1"),
        "RAW_URI": target,
        "QUERY_STRING": url.query,
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": url.netloc or host,
        "HTTP_USER_AGENT": _AGENT,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _scope(target: str, root_path: str, state: dict[str, Any]) -> dict[str, Any]:
    url, scheme, host, port, path = _split(target)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("ascii", "replace"),
        "query_string": url.query.encode("ascii", "replace"),
        "root_path": root_path,
        "headers": [
            (b"host", (url.netloc or host).encode("latin-1", "replace")),
            (b"user-agent", _AGENT.encode()),
        ],
        "client": ("127.0.0.1", 0),
        "server": (host, port),
        "state": dict(state),
        "extensions": {},
    }
