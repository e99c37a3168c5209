"""The `loop` workload: a nested loop whose length the client chooses.

`GET /?it1=N&it2=M` burns CPU for N × M steps and answers one line with the
server's address, the time of day and the seconds taken; `GET /metrics` is
Prometheus's. The answer's form is that of the flask_bench study, so that its
clients work unchanged.
"""

import os
import socket
import time
from datetime import datetime

from flask import Flask, Response, abort, request
from prometheus_flask_exporter import PrometheusMetrics

# Work for about a minute on a fast core; more is a typing error, and would
# occupy a worker until its server kills it.
MAX_STEPS = 1_000_000_000

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY")
if not app.config["SECRET_KEY"]:
    raise RuntimeError("the environment variable SECRET_KEY is not set; give it any random text")

# Sums over all worker processes where PROMETHEUS_MULTIPROC_DIR is set.
metrics = PrometheusMetrics(app)


def own_address() -> str:
    """The address that this host's name stands for; loopback where it stands for none."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


# Looked up once: a resolver in the path of a request would be measured with it.
ADDRESS = own_address()


def iterations(name: str) -> int:
    """The query parameter `name` as a number of iterations, else 400."""
    value = request.args.get(name, type=int)
    if value is None or value < 0:
        abort(400, f"the query needs {name}, a whole number of iterations")
    return value


@app.get("/")
def burn() -> Response:
    """Runs the nested loop and says how long it took."""
    it1, it2 = iterations("it1"), iterations("it2")
    if it1 * max(it2, 1) > MAX_STEPS:
        abort(400, f"it1 × it2 must not exceed {MAX_STEPS}")
    start = time.perf_counter()
    c = 0
    for i in range(it1):
        for j in range(it2):
            if i % 554 == 0:
                c += c + j
    seconds = time.perf_counter() - start
    now = datetime.now().strftime("%H:%M:%S")
    text = f"Server: {ADDRESS}. Time: {now}. Computation took {seconds:.6f} s\n"
    return Response(text, mimetype="text/html")
