"""The `evaluate` workload: which of a payload's conditions are true of its log.

As in the original the handler is a plain `def`: FastAPI runs it in a pool of 40
threads, so that the interpreters which it starts overlap. That, and not asyncio,
is why FastAPI came first in the evaluator study.
"""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import PlainTextResponse

from answers import JSON, json_text
from evaluation import MAX_BODY_BYTES, evaluated
from service import body_of, new_app

app = new_app()


@app.get("/", response_class=PlainTextResponse)
async def ready() -> str:
    """Says that the app is up."""
    return "ready"


async def small_body(request: Request) -> bytes:
    """The request's body, read on the loop."""
    return await body_of(request, MAX_BODY_BYTES)


@app.post("/eval")
def evaluate(body: Annotated[bytes, Depends(small_body)]) -> Response:
    """The conditions that are true and the context they leave, or an error."""
    return Response(json_text(evaluated(body)), media_type=JSON)
