"""The `evaluate` workload: which of a payload's conditions are true of its log.

As in the original the handler is a plain `def`: FastAPI runs it in a pool of 40
threads, so that the interpreters which it starts overlap. That, and not asyncio,
is why FastAPI came first in the evaluator study.
"""

from typing import Any

from fastapi import Response
from fastapi.responses import PlainTextResponse

import evaluator
from answers import JSON, json_text
from evaluation import payload_of
from service import new_app

app = new_app()


@app.get("/", response_class=PlainTextResponse)
async def ready() -> str:
    """Says that the app is up."""
    return "ready"


@app.post("/eval")
def evaluate(body: dict[Any, Any]) -> Response:
    """The conditions that are true and the context they leave, or an error."""
    return Response(json_text(evaluator.evaluate(payload_of(body))), media_type=JSON)
