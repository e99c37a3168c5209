"""The `hello` workload: the least that a service can do."""

import falcon
from falcon import Request, Response

from answers import JSON, json_text
from service import new_app


class Text:
    """Fixed text."""

    def on_get(self, _request: Request, response: Response) -> None:
        """`GET /`"""
        response.content_type = falcon.MEDIA_TEXT
        response.text = "Hello, World!"


class Json:
    """JSON, made anew each time. Not by `media`, which writes spaces."""

    def on_get(self, _request: Request, response: Response) -> None:
        """`GET /json`"""
        response.content_type = JSON
        response.text = json_text({"message": "Hello, World!"})


app = new_app()
app.add_route("/", Text())
app.add_route("/json", Json())
