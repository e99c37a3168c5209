"""The `hello` workload: the least that a service can do."""

from bottle import response

from answers import JSON, json_text
from service import new_app

app = new_app()


@app.get("/")
def text() -> str:
    """Fixed text."""
    response.content_type = "text/plain; charset=utf-8"
    return "Hello, World!"


@app.get("/json")
def as_json() -> str:
    """JSON, made anew each time. Not by returning a dict, which bottle writes with
    spaces."""
    response.content_type = JSON
    return json_text({"message": "Hello, World!"})
