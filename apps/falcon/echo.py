"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from falcon import Request, Response

from echoing import echo
from service import Ready, body_of, first, new_app


class Uploader:
    """The text of the JSON, or JSON where the query says `format=json`."""

    def on_post(self, request: Request, response: Response) -> None:
        """`POST /uploader`"""
        response.content_type, response.data = echo(body_of(request), first(request, "format"))


app = new_app()
app.add_route("/", Ready())
app.add_route("/uploader", Uploader())
