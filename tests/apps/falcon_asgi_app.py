"""The suite's routes (see test_frameworks.py) in Falcon, over ASGI: its WSGI resources, with
responders that can be awaited, and those in which it really waits."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import falcon.asgi
import falcon_app
from falcon.asgi import Request, Response


class Awaited:
    """A resource whose responder has nothing to wait for."""

    def __init__(self, resource: Any) -> None:
        self._resource = resource

    async def on_get(self, req: Request, resp: Response, **params: str) -> None:
        self._resource.on_get(req, resp, **params)


class Echo:
    async def on_post(self, req: Request, resp: Response) -> None:
        resp.content_type = "application/octet-stream"
        resp.data = await req.stream.read()


class Stream:
    async def on_get(self, req: Request, resp: Response) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in falcon_app.PARTS:
                yield part

        resp.content_type = "text/plain"
        resp.stream = parts()


class Slow:
    async def on_get(self, req: Request, resp: Response) -> None:
        await asyncio.sleep(req.get_param_as_float("seconds", required=True))
        resp.text = "slept"


OWN = {"/echo": Echo(), "/stream": Stream(), "/slow": Slow()}

app = falcon.asgi.App()
for route, resource in falcon_app.ROUTES.items():
    app.add_route(route, OWN.get(route) or Awaited(resource))
