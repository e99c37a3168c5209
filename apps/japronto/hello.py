"""The `hello` workload: the least that a service can do."""

from answers import JSON, json_text
from service import new_app


def text(request):
    """Fixed text."""
    return request.Response(text="Hello, World!")


def as_json(request):
    """JSON, made anew each time. Not by `json=`, which writes spaces."""
    return request.Response(text=json_text({"message": "Hello, World!"}), mime_type=JSON)


app = new_app()
app.router.add_route("/", text, method="GET")
app.router.add_route("/json", as_json, method="GET")
