"""The `fanout` workload: ten concurrent calls of a slow upstream for each request."""

from flask import Response, request

from answers import TEXT
from fan_out import delay_of
from fan_out_threads import fan_out
from service import new_app

app = new_app(__name__)


@app.get("/")
def ready() -> Response:
    """Says that the app is up."""
    return Response("ready", mimetype=TEXT)


@app.get("/io_bound")
def io_bound() -> Response:
    """Calls the upstream, which takes `delay` seconds."""
    return Response(fan_out(delay_of(request.args.get("delay"))), mimetype=TEXT)
