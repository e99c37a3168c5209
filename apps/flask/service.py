"""What all Flask apps share: errors as JSON, a bound on bodies, and no routes that
the workload has not."""

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from answers import JSON, MAX_BODY_BYTES, Refusal, error_text


def new_app(name: str, max_body_bytes: int = MAX_BODY_BYTES) -> Flask:
    """A Flask app without routes."""
    app = Flask(name, static_folder=None)
    # A body that comes in chunks is cut off there without a word. With one byte more
    # than it may have, `parsed` sees that it is too long.
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes + 1

    @app.errorhandler(Refusal)
    def refuse(refusal: Refusal) -> Response:
        return Response(refusal.text(), status=refusal.status, mimetype=JSON)

    @app.errorhandler(HTTPException)
    def refuse_as_werkzeug(error: HTTPException) -> Response:
        response = error.get_response()
        # An answer that is none of an error, such as a redirect.
        if error.code is None or error.code < 400:
            return response
        response.data = error_text(error.code, error.description or error.name)
        response.mimetype = JSON
        return response

    return app
