"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from bottle import response

from echoing import echo
from service import body_of, first, new_app

app = new_app()


@app.get("/")
def ready() -> str:
    """Says that the app is up."""
    response.content_type = "text/plain; charset=utf-8"
    return "ready"


@app.post("/uploader")
def uploader() -> bytes:
    """The text of the JSON, or JSON where the query says `format=json`."""
    media_type, body = echo(body_of(), first("format"))
    response.content_type = media_type + "; charset=utf-8"
    return body
