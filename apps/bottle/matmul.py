"""The `matmul` workload: numpy's matrices, added and multiplied."""

from bottle import response

import matrices
from service import first, new_app

app = new_app()


@app.get("/")
def ready() -> str:
    """Says that the app is up."""
    response.content_type = "text/plain; charset=utf-8"
    return "ready"


@app.get("/cpu_bound")
def cpu_bound() -> str:
    """Does `num` rounds of the work."""
    response.content_type = "text/plain; charset=utf-8"
    return matrices.answer(matrices.num_of(first("num")))
