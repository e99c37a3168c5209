"""The suite's routes (see test_frameworks.py) in Flask."""

import os
import time
from collections.abc import Iterator

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello() -> Response:
    return Response("Hello, World!", mimetype="text/plain")


@app.post("/echo")
def echo() -> Response:
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.get("/query")
def query() -> Response:
    return jsonify(request.args.to_dict())


@app.get("/path/<name>")
def path(name: str) -> Response:
    return jsonify({"name": name})


@app.get("/header")
def header() -> Response:
    return Response(request.headers["X-Given"], headers={"X-Taken": "yes"}, mimetype="text/plain")


@app.get("/cookies")
def cookies() -> Response:
    response = Response("set", mimetype="text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/stream")
def stream() -> Response:
    def parts() -> Iterator[str]:
        yield from ("one\n", "two\n", "three\n")

    return Response(parts(), mimetype="text/plain")


@app.get("/empty")
def empty() -> Response:
    return Response(status=204)


@app.get("/error")
def error() -> Response:
    raise RuntimeError("asked for")


@app.get("/pid")
def pid() -> Response:
    return Response(str(os.getpid()), mimetype="text/plain")


@app.get("/slow")
def slow() -> Response:
    time.sleep(float(request.args["seconds"]))
    return Response("slept", mimetype="text/plain")
