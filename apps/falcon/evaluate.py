"""The `evaluate` workload: which of a payload's conditions are true of its log.

The original put its result into the request instead of the response, and so
answered every request with an empty body; this one answers.
"""

from falcon import Request, Response

from evaluation import MAX_BODY_BYTES, evaluated
from service import Ready, body_of, new_app


class Evaluation:
    """The conditions that are true and the context they leave, or an error."""

    def on_post(self, request: Request, response: Response) -> None:
        """`POST /eval`"""
        response.media = evaluated(body_of(request, MAX_BODY_BYTES))


app = new_app()
app.add_route("/", Ready())
app.add_route("/eval", Evaluation())
