"""A WSGI application for greenlets: what it sees of them, and ways to wait in one."""

from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

import gevent
from gevent import monkey
from gevent.local import local

StartResponse = Callable[..., Callable[[bytes], object]]
Environ = dict[str, Any]

# What was so when this was imported.
patched = monkey.is_module_patched("socket") and monkey.is_module_patched("threading")

seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")
kept = local()
arrived = 0
present = 0
most = 0
met = threading.Event()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    name = environ["PATH_INFO"].strip("/") or "hello"
    answer = globals()[f"get_{name}"](environ)
    if isinstance(answer, str):
        body = answer.encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return answer  # type: ignore[no-any-return]


def _number(environ: Environ, name: str) -> float:
    return float(parse_qs(environ["QUERY_STRING"])[name][0])


def get_hello(environ: Environ) -> str:
    return "Hello, World!"


get_ready = get_hello


def get_patched(environ: Environ) -> str:
    return str(patched)


def get_own(environ: Environ) -> str:
    """What a request before this one left behind, and what kind of greenlet runs it."""
    before = (seen.get(), getattr(kept, "name", "nothing"))
    seen.set("something")
    kept.name = "something"
    time.sleep(0.001)
    assert (seen.get(), kept.name) == ("something", "something")
    return f"{before} {isinstance(gevent.getcurrent(), gevent.Greenlet)}"


def get_meet(environ: Environ) -> str:
    """Answers nobody before so many are here together."""
    global arrived
    arrived += 1
    if arrived == int(_number(environ, "count")):
        met.set()
    met.wait()
    return str(arrived)


def get_sleep(environ: Environ) -> str:
    global present, most
    present += 1
    most = max(most, present)
    time.sleep(_number(environ, "seconds"))
    present -= 1
    return "slept"


def get_most(environ: Environ) -> str:
    return str(most)


def get_socket(environ: Environ) -> str:
    """Waits for bytes that another greenlet sends: with one thread only greenlets can."""
    here, there = socket.socketpair()
    threading.Timer(0.01, there.sendall, [b"sent"]).start()
    return here.recv(10).decode()


def get_clears_up(environ: Environ) -> Iterator[bytes]:
    print("a request is held", file=environ["wsgi.errors"], flush=True)
    try:
        yield b"begun"
        time.sleep(60)
    finally:
        print("it has cleared up", file=environ["wsgi.errors"], flush=True)


def get_endless(environ: Environ) -> Iterator[bytes]:
    try:
        while True:
            yield b"x" * 65536
    finally:
        print("nobody reads", file=environ["wsgi.errors"], flush=True)


def get_spin(environ: Environ) -> str:
    print("a request is held", file=environ["wsgi.errors"], flush=True)
    while True:
        pass


def get_exit(environ: Environ) -> str:
    raise SystemExit(7)
