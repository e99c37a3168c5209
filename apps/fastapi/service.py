"""What all FastAPI apps share: errors as JSON, a bound on bodies, and no routes
that the workload has not."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from answers import JSON, MAX_BODY_BYTES, Refusal, error_text, too_large

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def new_app(lifespan: Lifespan | None = None) -> FastAPI:
    """A FastAPI app without routes."""
    # Without a schema there are neither /docs nor /openapi.json in the way. A slash
    # at the end is a path of its own, as elsewhere.
    app = FastAPI(openapi_url=None, lifespan=lifespan, redirect_slashes=False)

    @app.exception_handler(Refusal)
    async def refuse(_request: Request, refusal: Refusal) -> Response:
        return error(refusal.status, refusal.message)

    @app.exception_handler(HTTPException)
    async def refuse_as_starlette(_request: Request, raised: HTTPException) -> Response:
        return error(raised.status_code, str(raised.detail), raised.headers)

    @app.exception_handler(RequestValidationError)
    async def refuse_as_fastapi(_request: Request, raised: RequestValidationError) -> Response:
        first: Any = next(iter(raised.errors()), {})
        return error(400, f"the request is not as it should be: {first.get('msg', 'invalid')}")

    return app


def error(status: int, message: str, headers: Any = None) -> Response:
    """An error's answer."""
    return Response(error_text(status, message), status, headers, JSON)


def first(request: Request, name: str) -> str | None:
    """The first value of `name` in the query, as the other frameworks have it; a
    parameter of a handler would be the last."""
    return next(iter(request.query_params.getlist(name)), None)


async def body_of(request: Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The request's body, if it is no longer than it may be."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            raise too_large(max_bytes)
    return bytes(body)
