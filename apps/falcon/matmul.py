"""The `matmul` workload: numpy's matrices, added and multiplied."""

from falcon import MEDIA_TEXT, Request, Response

import matrices
from service import Ready, first, new_app


class CpuBound:
    """Does `num` rounds of the work."""

    def on_get(self, request: Request, response: Response) -> None:
        """`GET /cpu_bound`"""
        response.content_type = MEDIA_TEXT
        response.text = matrices.answer(matrices.num_of(first(request, "num")))


app = new_app()
app.add_route("/", Ready())
app.add_route("/cpu_bound", CpuBound())
