"""The `loop` workload: a nested loop whose length the client chooses, and
Prometheus's `/metrics`, as the Flask app has them."""

from bottle import request, response

import request_metrics
from nested_loop import answer
from service import first, new_app

app = new_app()


@app.hook("after_request")
def count() -> None:
    """Counts every request that is answered."""
    request_metrics.count(request.method, response.status_code)


@app.get("/")
def burn() -> str:
    """Runs the nested loop and says how long it took."""
    return answer(first("it1"), first("it2"))


@app.get("/metrics")
def metrics() -> bytes:
    """Sums over all worker processes."""
    response.content_type, body = request_metrics.exposition()
    return body
