"""The suite's routes (see test_frameworks.py) in Litestar."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.response import Stream


@get("/", media_type=MediaType.TEXT)
async def hello() -> str:
    return "Hello, World!"


@post("/echo", status_code=200)
async def echo(request: Request[Any, Any, Any]) -> Response[bytes]:
    return Response(await request.body(), media_type="application/octet-stream")


@get("/query")
async def query(request: Request[Any, Any, Any]) -> dict[str, str]:
    return dict(request.query_params)


@get("/path/{name:str}")
async def path(name: str) -> dict[str, str]:
    return {"name": name}


@get("/header", media_type=MediaType.TEXT)
async def header(request: Request[Any, Any, Any]) -> Response[str]:
    return Response(request.headers["X-Given"], headers={"X-Taken": "yes"})


@get("/cookies", media_type=MediaType.TEXT)
async def cookies() -> Response[str]:
    response = Response("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@get("/stream")
async def stream() -> Stream:
    async def parts() -> AsyncIterator[str]:
        for part in ("one\n", "two\n", "three\n"):
            yield part

    return Stream(parts(), media_type=MediaType.TEXT)


@get("/empty", status_code=204)
async def empty() -> None:
    return None


@get("/error")
async def error() -> str:
    raise RuntimeError("asked for")


@get("/pid", media_type=MediaType.TEXT, sync_to_thread=True)
def pid() -> str:
    return str(os.getpid())


@get("/slow", media_type=MediaType.TEXT)
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


app = Litestar([hello, echo, query, path, header, cookies, stream, empty, error, pid, slow])
