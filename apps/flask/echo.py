"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from flask import Response, request

from echoing import echo
from service import new_app

app = new_app(__name__)


@app.post("/uploader")
def uploader() -> Response:
    """The text of the JSON, or JSON where the query says `format=json`."""
    media_type, body = echo(request.get_data(cache=False), request.args.get("format"))
    return Response(body, mimetype=media_type)
