"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from echoing import echo
from service import first, new_app, ready


def uploader(request):
    """The text of the JSON, or JSON where the query says `format=json`."""
    media_type, body = echo(request.body or b"", first(request, "format"))
    return request.Response(body=body, mime_type=media_type, encoding="utf-8")


app = new_app()
app.router.add_route("/", ready, method="GET")
app.router.add_route("/uploader", uploader, method="POST")
