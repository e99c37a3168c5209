"""The suite's routes (see test_frameworks.py) in Quart."""

import asyncio
import os
from collections.abc import AsyncIterator

from quart import Quart, Response, jsonify, request, websocket

app = Quart(__name__)


@app.get("/")
async def hello() -> Response:
    return Response("Hello, World!", mimetype="text/plain")


@app.post("/echo")
async def echo() -> Response:
    return Response(await request.get_data(), mimetype="application/octet-stream")


@app.get("/query")
async def query() -> Response:
    return jsonify(request.args.to_dict())


@app.get("/path/<name>")
async def path(name: str) -> Response:
    return jsonify({"name": name})


@app.get("/header")
async def header() -> Response:
    return Response(request.headers["X-Given"], headers={"X-Taken": "yes"}, mimetype="text/plain")


@app.get("/cookies")
async def cookies() -> Response:
    response = Response("set", mimetype="text/plain")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/stream")
async def stream() -> Response:
    async def parts() -> AsyncIterator[str]:
        for part in ("one\n", "two\n", "three\n"):
            yield part

    return Response(parts(), mimetype="text/plain")


@app.get("/empty")
async def empty() -> Response:
    return Response(status=204)


@app.get("/error")
async def error() -> Response:
    raise RuntimeError("asked for")


@app.get("/pid")
async def pid() -> Response:
    return Response(str(os.getpid()), mimetype="text/plain")


@app.get("/slow")
async def slow() -> Response:
    await asyncio.sleep(float(request.args["seconds"]))
    return Response("slept", mimetype="text/plain")


@app.websocket("/websocket")
async def echo_websocket() -> None:
    await websocket.send(f"hello {websocket.args['name']}")
    while True:
        text = await websocket.receive()
        if text == "bye":
            await websocket.close(3001)
            return
        await websocket.send(text)
