"""What all Falcon apps share: errors as JSON and a bound on bodies."""

import falcon
from falcon import Request, Response

from answers import JSON, MAX_BODY_BYTES, Refusal, error_text, too_large


def new_app() -> falcon.App:
    """A Falcon app (WSGI) without routes."""
    app = falcon.App()
    app.add_error_handler(Refusal, _refuse)
    app.set_error_serializer(_serialize)
    return app


def body_of(request: Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The request's body, if it is no longer than it may be."""
    # Falcon bounds a body by its Content-Length; one in chunks would be empty.
    ends = request.env.get("wsgi.input_terminated")
    body = (request.stream if ends else request.bounded_stream).read(max_bytes + 1)
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    return body


def first(request: Request, name: str) -> str | None:
    """The first value of `name` in the query; `get_param` may take any."""
    return next(iter(request.get_param_as_list(name) or ()), None)


class Ready:
    """Says that the app is up."""

    def on_get(self, _request: Request, response: Response) -> None:
        """`GET /`"""
        response.content_type = falcon.MEDIA_TEXT
        response.text = "ready"


def _refuse(_request: Request, response: Response, refusal: Refusal, _params: dict) -> None:
    response.status = falcon.code_to_http_status(refusal.status)
    response.content_type = JSON
    response.text = refusal.text()


def _serialize(_request: Request, response: Response, error: falcon.HTTPError) -> None:
    response.content_type = JSON
    response.text = error_text(error.status_code, error.description or error.title or "error")
