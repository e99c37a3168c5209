"""The `matmul` workload: numpy's matrices, added and multiplied."""

from falcon import MEDIA_TEXT, Request, Response

import matrices
from service import new_app


class Ready:
    """Says that the app is up."""

    def on_get(self, _request: Request, response: Response) -> None:
        """`GET /`"""
        response.content_type = MEDIA_TEXT
        response.text = "ready"


class CpuBound:
    """Does `num` rounds of the work."""

    def on_get(self, request: Request, response: Response) -> None:
        """`GET /cpu_bound`"""
        response.content_type = MEDIA_TEXT
        response.text = matrices.answer(matrices.num_of(request.get_param("num")))


app = new_app()
app.add_route("/", Ready())
app.add_route("/cpu_bound", CpuBound())
