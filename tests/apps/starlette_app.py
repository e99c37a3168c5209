"""The suite's routes (see test_frameworks.py) in Starlette."""

import asyncio
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def hello(request: Request) -> Response:
    return PlainTextResponse("Hello, World!")


async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


async def query(request: Request) -> Response:
    return JSONResponse(dict(request.query_params))


async def path(request: Request) -> Response:
    return JSONResponse({"name": request.path_params["name"]})


async def header(request: Request) -> Response:
    return PlainTextResponse(request.headers["X-Given"], headers={"X-Taken": "yes"})


async def cookies(request: Request) -> Response:
    response = PlainTextResponse("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        for part in ("one\n", "two\n", "three\n"):
            yield part

    return StreamingResponse(parts(), media_type="text/plain")


async def empty(request: Request) -> Response:
    return Response(status_code=204)


async def error(request: Request) -> Response:
    raise RuntimeError("asked for")


def pid(request: Request) -> Response:
    # Not a coroutine: it runs in a thread of the framework's.
    return PlainTextResponse(str(os.getpid()))


async def slow(request: Request) -> Response:
    await asyncio.sleep(float(request.query_params["seconds"]))
    return PlainTextResponse("slept")


async def websocket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(f"hello {websocket.query_params['name']}")
    async for text in websocket.iter_text():
        if text == "bye":
            await websocket.close(3001)
            return
        await websocket.send_text(text)


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/echo", echo, methods=["POST"]),
        Route("/query", query),
        Route("/path/{name}", path),
        Route("/header", header),
        Route("/cookies", cookies),
        Route("/stream", stream),
        Route("/empty", empty),
        Route("/error", error),
        Route("/pid", pid),
        Route("/slow", slow),
        WebSocketRoute("/websocket", websocket),
    ]
)
