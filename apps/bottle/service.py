"""What all bottle apps share: errors as JSON and a bound on bodies."""

from bottle import Bottle, HTTPError, HTTPResponse, request

from answers import JSON, MAX_BODY_BYTES, Refusal, error_text, too_large


class App(Bottle):
    """A bottle app whose errors are JSON."""

    def default_error_handler(self, res: HTTPError) -> str:
        """The answer to what bottle itself refuses."""
        res.content_type = JSON
        return error_text(res.status_code, str(res.body))


def new_app() -> App:
    """A bottle app without routes."""
    app = App()
    app.install(_refusals)
    return app


def body_of() -> bytes:
    """The body of the request at hand, if it is no longer than it may be."""
    body = request.body.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    return body


def first(name: str) -> str | None:
    """The first value of `name` in the query; unasked, bottle takes the last."""
    return request.query.get(name, index=0)


def _refusals(callback):
    """A plugin: a `Refusal` that a handler raises becomes its answer."""

    def handler(*args, **kwargs):
        try:
            return callback(*args, **kwargs)
        except Refusal as refusal:
            return HTTPResponse(refusal.text(), refusal.status, content_type=JSON)

    return handler
