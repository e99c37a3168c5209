"""Calls an application in a loop, as a server without any cost would: the ceiling.

    loop.py wsgi|asgi MODULE:NAME SECONDS

Prints the calls per second. The request is that of wrk, with everything that ``tonnage
serve`` gives an application, made anew for each call.
"""

import asyncio
import importlib
import io
import sys
import time
from wsgiref.util import FileWrapper

ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "RAW_URI": "/",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "loop",
    "REMOTE_ADDR": "127.0.0.1",
    "REMOTE_PORT": "50000",
    "HTTP_HOST": "127.0.0.1:8000",
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": False,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "wsgi.file_wrapper": FileWrapper,
}

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"127.0.0.1:8000")],
    "client": ("127.0.0.1", 50000),
    "server": ("127.0.0.1", 8000),
}


def start_response(status, headers, exc_info=None):
    assert status.startswith("200 "), status


def wsgi(app, seconds):
    calls, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        # The clock is looked at now and then only.
        for _ in range(100):
            environ = ENVIRON.copy()
            environ["wsgi.input"] = io.BytesIO()
            answer = app(environ, start_response)
            for _part in answer:
                pass
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        calls += 100
    return calls / took


async def asgi(app, seconds):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        assert message.get("status", 200) == 200, message

    calls, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        for _ in range(100):
            scope = SCOPE.copy()
            scope["state"] = {}
            scope["extensions"] = {"http.response.pathsend": {}}
            scope["headers"] = SCOPE["headers"].copy()
            await app(scope, receive, send)
        calls += 100
    return calls / took


def main():
    kind, target, seconds = sys.argv[1:]
    module, _, name = target.partition(":")
    app = getattr(importlib.import_module(module), name)
    if kind == "wsgi":
        print(wsgi(app, float(seconds)))
        return
    import uvloop

    loop = uvloop.new_event_loop()
    print(loop.run_until_complete(asgi(app, float(seconds))))
    loop.close()


main()
