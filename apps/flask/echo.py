"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from flask import Response, request

from answers import TEXT
from echoing import echo
from service import new_app

app = new_app(__name__)


@app.get("/")
def ready() -> Response:
    """Says that the app is up."""
    return Response("ready", mimetype=TEXT)


@app.post("/uploader")
def uploader() -> Response:
    """The text of the JSON, or JSON where the query says `format=json`."""
    media_type, body = echo(request.get_data(cache=False), request.args.get("format"))
    return Response(body, mimetype=media_type)
