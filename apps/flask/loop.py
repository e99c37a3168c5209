"""The `loop` workload: a nested loop whose length the client chooses.

`GET /?it1=N&it2=M` burns CPU for N × M steps and answers one line with the
server's address, the time of day and the seconds taken; `GET /metrics` is
Prometheus's. The answer's form is that of the flask_bench study, so that its
clients work unchanged.
"""

import os

from flask import Response, request
from prometheus_flask_exporter import PrometheusMetrics

from nested_loop import answer
from service import new_app

app = new_app(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY")
if not app.config["SECRET_KEY"]:
    raise RuntimeError("the environment variable SECRET_KEY is not set; give it any random text")

# Sums over all worker processes where PROMETHEUS_MULTIPROC_DIR is set.
metrics = PrometheusMetrics(app)


@app.get("/")
def burn() -> Response:
    """Runs the nested loop and says how long it took."""
    text = answer(request.args.get("it1"), request.args.get("it2"))
    return Response(text, mimetype="text/html")
