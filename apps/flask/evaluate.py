"""The `evaluate` workload: which of a payload's conditions are true of its log."""

from flask import Response, request

from answers import JSON, json_text
from evaluation import evaluated
from service import new_app

app = new_app(__name__)


@app.post("/eval")
def evaluate() -> Response:
    """The conditions that are true and the context they leave, or an error."""
    return Response(json_text(evaluated(request.get_data(cache=False))), mimetype=JSON)
