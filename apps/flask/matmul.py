"""The `matmul` workload: numpy's matrices, added and multiplied."""

from flask import Response, request

import matrices
from answers import TEXT
from service import new_app

app = new_app(__name__)


@app.get("/")
def ready() -> Response:
    """Says that the app is up."""
    return Response("ready", mimetype=TEXT)


@app.get("/cpu_bound")
def cpu_bound() -> Response:
    """Does `num` rounds of the work."""
    return Response(matrices.answer(matrices.num_of(request.args.get("num"))), mimetype=TEXT)
