"""The `loop` workload: a nested loop whose length the client chooses, and
Prometheus's `/metrics`, as the Flask app has them.

The handler is `async def`: while it burns CPU, its worker does nothing else.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request, Response

import request_metrics
from nested_loop import answer
from service import first, new_app

app = new_app()


@app.middleware("http")
async def count(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Counts every request that is answered."""
    response = await call_next(request)
    request_metrics.count(request.method, response.status_code)
    return response


@app.get("/")
async def burn(request: Request) -> Response:
    """Runs the nested loop and says how long it took."""
    return Response(answer(first(request, "it1"), first(request, "it2")), media_type="text/html")


@app.get("/metrics")
async def metrics() -> Response:
    """Sums over all worker processes."""
    media_type, body = request_metrics.exposition()
    return Response(body, headers={"Content-Type": media_type})
