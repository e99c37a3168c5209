"""The `echo` workload: `POST /uploader` gives back the JSON that it gets, as text."""

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from echoing import echo
from service import body_of, first, new_app

app = new_app()


@app.get("/", response_class=PlainTextResponse)
async def ready() -> str:
    """Says that the app is up."""
    return "ready"


@app.post("/uploader")
async def uploader(request: Request) -> Response:
    """The text of the JSON, or JSON where the query says `format=json`."""
    # The body is read here and not by a parameter of type `Any`: pydantic would look
    # at every value once more, which none of the other frameworks does.
    media_type, body = echo(await body_of(request), first(request, "format"))
    return Response(body, media_type=media_type)
