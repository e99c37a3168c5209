"""The gRPC service on grpcio's asyncio server: one process, one loop.

    python -m server --address HOST:PORT

As in the original, CPU-bound work blocks the loop.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

import matrices
import my_app
from answers import Refusal

# How long calls in flight may take once the server is told to stop.
GRACE_S = 1


class MyApp(my_app.services.MyAppServicer):
    """The service's methods."""

    def __init__(self, fan_out: Callable[[float], Awaitable[str]] | None) -> None:
        self._fan_out = fan_out

    async def index(self, _request: Any, _context: aio.ServicerContext) -> Any:
        """Says that the server is up."""
        return my_app.protos.MyAppResponse(text=my_app.READY)

    async def cpu_bound(self, request: Any, context: aio.ServicerContext) -> Any:
        """Does `num` rounds of matrix work."""
        try:
            text = matrices.answer(my_app.rounds(request))
        except Refusal as refusal:
            await context.abort(my_app.status_of(refusal), refusal.message)
        return my_app.protos.MyAppResponse(text=text)

    async def io_bound(self, request: Any, context: aio.ServicerContext) -> Any:
        """Calls the upstream, which takes `num` seconds."""
        try:
            if self._fan_out is None:
                raise my_app.no_upstream()
            text = await self._fan_out(my_app.delay(request))
        except Refusal as refusal:
            await context.abort(my_app.status_of(refusal), refusal.message)
        return my_app.protos.MyAppResponse(text=text)


async def serve(address: str) -> None:
    """Serves until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    fan_out = None
    if my_app.has_upstream():
        from fan_out_async import FanOut

        fan_out = FanOut()
        await fan_out.open()
    server = aio.server(options=my_app.OPTIONS, maximum_concurrent_rpcs=my_app.MAX_CONCURRENT_CALLS)
    my_app.services.add_MyAppServicer_to_server(MyApp(fan_out), server)
    my_app.listen(server, address)
    await server.start()
    await stop.wait()
    await server.stop(GRACE_S)
    if fan_out is not None:
        await fan_out.close()


if __name__ == "__main__":
    asyncio.run(serve(my_app.arguments(__doc__).parse_args().address))
