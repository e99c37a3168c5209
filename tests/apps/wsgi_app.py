"""A WSGI application that does each thing that PEP 3333 allows, and some that it does not."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

StartResponse = Callable[..., Callable[[bytes], object]]
Environ = dict[str, Any]

TEXT = ("Content-Type", "text/plain")

# Environs of requests that are over.
kept: list[Environ] = []

# How many iterables were closed, in this worker.
closed = 0
started = time.time()


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    name = environ["PATH_INFO"].strip("/").split("/")[0].replace("-", "_")
    route = globals().get(f"get_{name or 'hello'}")
    if route is None:
        start_response("404 Not Found", [TEXT, ("Content-Length", "9")])
        return [b"not found"]
    return route(environ, start_response)  # type: ignore[no-any-return]


def factory(greeting: str = "made", *, times: int = 1) -> Callable[..., Iterable[bytes]]:
    """For ``wsgi_app:factory("x", times=2)``."""

    def made(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return _text(start_response, greeting * times)

    return made


def _text(start_response: StartResponse, text: str, *fields: tuple[str, str]) -> list[bytes]:
    body = text.encode()
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body))), *fields])
    return [body]


def _number(environ: Environ, name: str, default: float = 0) -> float:
    values = parse_qs(environ["QUERY_STRING"]).get(name)
    return float(values[0]) if values else default


def get_hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, "Hello, World!")


get_ready = get_hello


def get_hints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Hints before the response, and one that comes too late."""
    hint = environ["wsgi.early_hints"]
    hint([("Link", "</style.css>; rel=preload")])
    hint([(b"Link", b"</script.js>; rel=preload"), ("X-A", "1")])
    for broken in [("Link", "a\r\nb")], [("a b", "c")], [("Link", 1)], ["Link"]:
        try:
            hint(broken)
        except (TypeError, ValueError):
            continue
        raise AssertionError(broken)
    write = start_response("200 OK", [TEXT])
    write(b"one ")
    hint([("Link", "</late.css>")])
    kept.append(environ)
    return [b"two"]


def get_kept_hints(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Hints of a request that is over."""
    kept.pop()["wsgi.early_hints"]([("Link", "</of-another.css>")])
    return _text(start_response, "nobody was told")


def get_environ(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    shown = {
        name: value if isinstance(value, (str, int, bool, list, tuple, type(None))) else repr(value)
        for name, value in environ.items()
    }
    return _text(start_response, json.dumps(shown))


def get_body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def get_body_sized(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """With ``read(size)``, the only way that ``wsgiref.validate`` lets pass."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [TEXT, ("Content-Length", str(len(body)))])
    return [body]


def get_lines(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Every way to read a body, one after the other."""
    stream = environ["wsgi.input"]
    parts: list[Any] = [
        stream.read(3),
        stream.readline(),
        stream.readline(4),
        stream.read(0),
        stream.readlines(1),
        *stream,
        stream.read(),
        stream.readline(),
    ]
    return _text(start_response, repr(parts))


def get_ignores_body(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, "ignored")


def get_write(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT])
    write(b"one ")
    write(b"two ")
    return [b"three"]


def get_write_sized(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", [TEXT, ("Content-Length", "7")])
    write(b"one ")
    write(b"two")
    return []


def get_exc_info_before(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """An error that is noticed while nothing has been sent: the second answer counts."""
    start_response("200 OK", [TEXT, ("X-First", "yes")])
    try:
        raise RuntimeError("asked for")
    except RuntimeError:
        start_response("503 Service Unavailable", [TEXT], sys.exc_info())
    return [b"second"]


def get_exc_info_after(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """One that is noticed too late: it must be raised again."""
    start_response("200 OK", [TEXT])
    yield b"sent"
    try:
        raise RuntimeError("asked for")
    except RuntimeError:
        start_response("500 Internal Server Error", [TEXT], sys.exc_info())
    yield b"never sent"


def get_twice(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    start_response("200 OK", [TEXT])
    return [b""]


def get_lazy(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Calls it only when the first part is asked for."""
    start_response("201 Created", [TEXT])
    yield b"lazy"


def get_no_start(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return [b"nothing was started"]


class Closing:
    """Counts that it was closed."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)

    def __iter__(self) -> Closing:
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        global closed
        closed += 1


def get_closing(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return Closing([b"a", b"", b"b"])


def get_closing_error(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    def parts() -> Iterator[bytes]:
        yield b"a"
        raise RuntimeError("asked for")

    start_response("200 OK", [TEXT])
    return Closing(parts())


def get_closing_endless(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """For clients that go away."""

    def parts() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    start_response("200 OK", [TEXT])
    return Closing(parts())


def get_closed(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, str(closed))


def get_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A real file, from somewhere in its midst."""
    file = open(__file__, "rb")  # noqa: SIM115 (closed by the server)
    file.seek(int(_number(environ, "from")))
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](file, 4096)  # type: ignore[no-any-return]


def get_file_sized(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Less of it than there is."""
    file = open(__file__, "rb")  # noqa: SIM115
    start_response("200 OK", [TEXT, ("Content-Length", "10")])
    return environ["wsgi.file_wrapper"](file)  # type: ignore[no-any-return]


def get_file_like(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """An object with ``read`` that is no file."""
    start_response("200 OK", [TEXT])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"like a file"), 4)  # type: ignore[no-any-return]


def get_stream(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT])
    return (part for part in (b"one ", b"", b"two ", b"three"))


def get_error(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("asked for")


def get_error_late(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [TEXT])
    yield b"part"
    raise RuntimeError("asked for")


def get_short(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "10")])
    return [b"short"]


def get_long(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [TEXT, ("Content-Length", "4")])
    return [b"long", b"er"]


def get_status(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The status that is asked for, with a body whether it may have one or not."""
    code = environ["PATH_INFO"].rsplit("/", 1)[1]
    start_response(f"{code} Asked For", [TEXT])
    return [b"body"]


def get_bad_fields(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """What would split the response in two, or is otherwise no field."""
    name = environ["PATH_INFO"].rsplit("/", 1)[1]
    field: Any = {
        "newline": ("X-A", "a\r\nX-B: b"),
        "nul": ("X-A", "a\0b"),
        "name": ("X A", "a"),
        "colon": ("X:A", "a"),
        "unicode": ("X-A", "\u20ac"),
        "number": ("X-A", 7),
        "hop": ("Connection", "close"),
        "status": None,
    }[name]
    if field is None:
        start_response("200 OK\r\nX-B: b", [TEXT])
    else:
        start_response("200 OK", [TEXT, field])
    return [b"should not be"]


def get_tuple(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """PEP 3333 wants a list of fields; servers have always taken more. And as frameworks do,
    it leaves the body out for HEAD."""
    start_response("200 OK", (TEXT, ("X-A", "1")))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"from a tuple"]


def get_latin(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, "ok", ("X-Latin", "caf\xe9"))


def get_not_bytes(environ: Environ, start_response: StartResponse) -> Iterable[Any]:
    start_response("200 OK", [TEXT])
    return ["text"]


def get_large(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    size = int(_number(environ, "bytes"))
    start_response("200 OK", [TEXT, ("Content-Length", str(size))])
    return [b"x" * size]


def get_slow(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    time.sleep(_number(environ, "seconds"))
    return _text(start_response, "slept")


def get_held(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Says that it has begun, for tests that wait for that. Python takes note of a signal
    that comes right before a sleep, and acts on it after that: so they are short ones."""
    print("a request is held", file=environ["wsgi.errors"], flush=True)
    end = time.monotonic() + _number(environ, "seconds")
    while time.monotonic() < end:
        time.sleep(0.01)
    return _text(start_response, "slept")


def get_pid(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, str(os.getpid()))


def get_started(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, repr(started))


def get_thread(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    time.sleep(_number(environ, "seconds"))
    return _text(start_response, str(threading.get_ident()))


def get_exit(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A worker that dies in the midst of a request."""
    os._exit(int(_number(environ, "code", 9)))


def get_variable(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return _text(start_response, os.environ.get(environ["QUERY_STRING"], "(unset)"))


def get_print(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    print("printed to standard output")
    print("printed to wsgi.errors", file=environ["wsgi.errors"], flush=True)
    return _text(start_response, "printed")
