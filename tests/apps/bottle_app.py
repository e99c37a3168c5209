"""The suite's routes (see test_frameworks.py) in Bottle."""

import os
import time
from collections.abc import Iterator

from bottle import Bottle, request, response

app = Bottle()


@app.get("/")
def hello() -> str:
    response.content_type = "text/plain"
    return "Hello, World!"


@app.post("/echo")
def echo() -> bytes:
    response.content_type = "application/octet-stream"
    return request.body.read()


@app.get("/query")
def query() -> dict[str, str]:
    return {name: request.query.getunicode(name) for name in request.query}


@app.get("/path/<name>")
def path(name: str) -> dict[str, str]:
    return {"name": name}


@app.get("/header")
def header() -> str:
    response.content_type = "text/plain"
    response.set_header("X-Taken", "yes")
    return str(request.headers["X-Given"])


@app.get("/cookies")
def cookies() -> str:
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return "set"


@app.get("/stream")
def stream() -> Iterator[str]:
    response.content_type = "text/plain"
    yield from ("one\n", "two\n", "three\n")


@app.get("/empty")
def empty() -> None:
    response.status = 204


@app.get("/error")
def error() -> str:
    raise RuntimeError("asked for")


@app.get("/pid")
def pid() -> str:
    return str(os.getpid())


@app.get("/slow")
def slow() -> str:
    time.sleep(float(request.query["seconds"]))
    return "slept"
