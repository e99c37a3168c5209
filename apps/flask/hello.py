"""The `hello` workload: the least that a service can do."""

from flask import Response

from answers import JSON, TEXT, json_text
from service import new_app

app = new_app(__name__)


@app.get("/")
def text() -> Response:
    """Fixed text."""
    return Response("Hello, World!", mimetype=TEXT)


@app.get("/json")
def as_json() -> Response:
    """JSON, made anew each time. Not by `jsonify`, which ends it with a newline."""
    return Response(json_text({"message": "Hello, World!"}), mimetype=JSON)
