"""The `fanout` workload: ten concurrent calls of a slow upstream for each request,
waited for together on the worker's loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from fan_out import delay_of
from fan_out_async import FanOut
from service import first, new_app

fan_out = FanOut()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Holds the client of the upstream as long as the worker runs."""
    await fan_out.open()
    try:
        yield
    finally:
        await fan_out.close()


app = new_app(lifespan)


@app.get("/", response_class=PlainTextResponse)
async def ready() -> str:
    """Says that the app is up."""
    return "ready"


@app.get("/io_bound", response_class=PlainTextResponse)
async def io_bound(request: Request) -> str:
    """Calls the upstream, which takes `delay` seconds."""
    return await fan_out(delay_of(first(request, "delay")))
