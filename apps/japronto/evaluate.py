"""The `evaluate` workload: which of a payload's conditions are true of its log.

A plain function, as in the original: one request at a time in each worker.
"""

from answers import JSON, json_text
from evaluation import evaluated
from service import new_app, ready


def evaluate(request):
    """The conditions that are true and the context they leave, or an error."""
    return request.Response(text=json_text(evaluated(request.body or b"")), mime_type=JSON)


app = new_app()
app.router.add_route("/", ready, method="GET")
app.router.add_route("/eval", evaluate, method="POST")
