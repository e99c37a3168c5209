"""The `matmul` workload: numpy's matrices, added and multiplied.

As in the original the handler is `async def`: the work blocks its worker's loop.
"""

from fastapi import Request
from fastapi.responses import PlainTextResponse

import matrices
from service import first, new_app

app = new_app()


@app.get("/", response_class=PlainTextResponse)
async def ready() -> str:
    """Says that the app is up."""
    return "ready"


@app.get("/cpu_bound", response_class=PlainTextResponse)
async def cpu_bound(request: Request) -> str:
    """Does `num` rounds of the work."""
    return matrices.answer(matrices.num_of(first(request, "num")))
