"""The `relay` workload: `GET /<path>` gives the JSON that the upstream has at
`/api/<path>`, and whole answers are kept for ten seconds.

Built like the Flask app: a cache for each process, and nothing that holds back
requests which miss it at the same time. On a loop these are not two threads but
all that arrive during one call of the upstream.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from cachetools import TTLCache
from fastapi import FastAPI, Request, Response
from yarl import URL

from answers import JSON
from relaying import (
    CACHE_S,
    CALLS,
    CALLS_HEADER,
    MAX_ANSWER_BYTES,
    MAX_CACHED,
    TIMEOUT_S,
    failed,
    passed_on,
    too_long,
    too_slow,
    url_of,
)
from service import new_app

# Calls of the upstream at a time; more wait for a connection.
MAX_CONNECTIONS = 100

cache: TTLCache[tuple[str, str], bytes] = TTLCache(MAX_CACHED, CACHE_S)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Holds the client of the upstream as long as the worker runs."""
    connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as client:
        app.state.client = client
        yield


app = new_app(lifespan)


async def call(client: aiohttp.ClientSession, path: str, query: str) -> bytes:
    """The upstream's answer to `/api/<path>`."""
    url = URL(url_of(path, query), encoded=True)
    CALLS.begin()
    try:
        async with client.get(url, allow_redirects=False) as response:
            body = bytearray()
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise too_long()
            return passed_on(response.status, bytes(body))
    except asyncio.TimeoutError as error:
        raise too_slow() from error
    except (aiohttp.ClientError, OSError) as error:
        raise failed(error) from error


@app.middleware("http")
async def tell_calls(request: Request, call_next):
    """Each answer tells the calls of this process so far."""
    response = await call_next(request)
    response.headers[CALLS_HEADER] = str(CALLS.made)
    return response


@app.get("/{path:path}")
async def relay(request: Request, path: str) -> Response:
    """The upstream's answer, or the one that is kept."""
    query = request.url.query
    body = cache.get((path, query))
    if body is None:
        body = await call(request.app.state.client, path, query)
        cache[path, query] = body
    return Response(body, media_type=JSON)
