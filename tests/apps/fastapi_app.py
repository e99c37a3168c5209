"""The suite's routes (see test_frameworks.py) in FastAPI."""

import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Header, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()


@app.get("/", response_class=PlainTextResponse)
async def hello() -> str:
    return "Hello, World!"


@app.post("/echo")
async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/octet-stream")


@app.get("/query")
async def query(request: Request) -> dict[str, str]:
    return dict(request.query_params)


@app.get("/path/{name}")
async def path(name: str) -> dict[str, str]:
    return {"name": name}


@app.get("/header", response_class=PlainTextResponse)
async def header(response: Response, x_given: str = Header()) -> str:
    response.headers["X-Taken"] = "yes"
    return x_given


@app.get("/cookies", response_class=PlainTextResponse)
async def cookies(response: Response) -> str:
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return "set"


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for part in ("one\n", "two\n", "three\n"):
            yield part

    return StreamingResponse(parts(), media_type="text/plain")


@app.get("/empty", status_code=204)
async def empty() -> None:
    return None


@app.get("/error")
async def error() -> str:
    raise RuntimeError("asked for")


@app.get("/pid", response_class=PlainTextResponse)
def pid() -> str:
    # Not a coroutine: it runs in a thread of the framework's.
    return str(os.getpid())


@app.get("/slow", response_class=PlainTextResponse)
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@app.websocket("/websocket")
async def websocket(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    await websocket.send_text(f"hello {name}")
    async for text in websocket.iter_text():
        if text == "bye":
            await websocket.close(3001)
            return
        await websocket.send_text(text)
