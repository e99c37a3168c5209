"""The `evaluate` workload: which of a payload's conditions are true of its log."""

from flask import Response, request

from answers import JSON, TEXT, json_text
from evaluation import MAX_BODY_BYTES, evaluated
from service import new_app

app = new_app(__name__, MAX_BODY_BYTES)


@app.get("/")
def ready() -> Response:
    """Says that the app is up."""
    return Response("ready", mimetype=TEXT)


@app.post("/eval")
def evaluate() -> Response:
    """The conditions that are true and the context they leave, or an error."""
    return Response(json_text(evaluated(request.get_data(cache=False))), mimetype=JSON)
