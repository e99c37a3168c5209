"""The gRPC service on grpcio's synchronous server: one process, and a pool of
threads that each work on one call.

    python -m server --address HOST:PORT --threads N

The original left the pool to its default, which is the number of cores plus four.
"""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import grpc

import matrices
import my_app
from answers import Refusal

# How long calls in flight may take once the server is told to stop.
GRACE_S = 1


class MyApp(my_app.services.MyAppServicer):
    """The service's methods."""

    def __init__(self) -> None:
        self._fan_out = None
        if my_app.has_upstream():
            from fan_out_threads import fan_out

            self._fan_out = fan_out

    def index(self, _request: Any, _context: grpc.ServicerContext) -> Any:
        """Says that the server is up."""
        return my_app.protos.MyAppResponse(text=my_app.READY)

    def cpu_bound(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Does `num` rounds of matrix work."""
        return _answer(context, lambda: matrices.answer(my_app.rounds(request)))

    def io_bound(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Calls the upstream, which takes `num` seconds."""
        return _answer(context, lambda: self._called(request))

    def _called(self, request: Any) -> str:
        if self._fan_out is None:
            raise my_app.no_upstream()
        return self._fan_out(my_app.delay(request))


def _answer(context: grpc.ServicerContext, work: Callable[[], str]) -> Any:
    """The text of `work`, or its refusal as a status."""
    try:
        return my_app.protos.MyAppResponse(text=work())
    except Refusal as refusal:
        context.abort(my_app.status_of(refusal), refusal.message)


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = my_app.arguments(__doc__)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = grpc.server(
        ThreadPoolExecutor(given.threads),
        options=my_app.OPTIONS,
        maximum_concurrent_rpcs=my_app.MAX_CONCURRENT_CALLS,
    )
    my_app.services.add_MyAppServicer_to_server(MyApp(), server)
    my_app.listen(server, given.address)
    server.start()
    stop.wait()
    server.stop(GRACE_S).wait()


if __name__ == "__main__":
    main()
