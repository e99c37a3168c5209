"""Greenlets (``-k gevent``): what a worker asks of gevent. Requests themselves are the
extension's, and that the standard library waits in greenlets is ``_patching``'s affair.

gevent is imported when it is needed: nobody else has to have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

__all__ = ["Hub", "in_a_greenlet"]

# How soon it is looked again whether a client has taken more of a stream.
_LOOK_AGAIN_SECONDS = 0.01

Handler = Callable[[int, FrameType | None], None]


def in_a_greenlet(handler: Handler) -> Handler:
    """A signal handler that may wait. In the hub, and in the midst of somebody's request, it
    must not, so that it runs in a greenlet of its own there."""
    import gevent

    def handle(number: int, frame: FrameType | None) -> None:
        if gevent.getcurrent().parent is None:
            # The main greenlet, which does nothing but wait, or boot.
            handler(number, frame)
        else:
            gevent.spawn(handler, number, None)

    return handle


class Hub:
    """gevent's hub, in whose loop a worker's sockets are watched. ``send_timeout``: seconds
    that a client may let a response wait."""

    def __init__(self, send_timeout: float | None) -> None:
        import gevent
        from gevent.event import Event
        from gevent.socket import wait_write

        self._loop = gevent.get_hub().loop
        self._killall = gevent.killall
        self._wait_write = wait_write
        self._sleep = gevent.sleep
        self._send_timeout = send_timeout
        self._over = Event()
        self._watchers: list[Any] = []

    def watch(
        self,
        descriptor: int,
        turn: Callable[[], None],
        tick: Callable[[], None],
        seconds: float,
    ) -> None:
        """Calls ``turn`` when the descriptor is readable, and ``tick`` again and again after
        so many seconds, both in the hub."""
        self._start(self._loop.io(descriptor, 1), turn)
        self._start(self._loop.timer(seconds, seconds), tick)
        self.call_soon(tick)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._loop.run_callback(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._start(self._loop.timer(seconds), callback)

    def wait_for_room(self, descriptor: int | None, waited: float) -> bool:
        """Waits until a client takes more, which has taken nothing for ``waited`` seconds;
        ``False`` where it has not in time. Without a descriptor nobody tells, and it is
        looked again soon."""
        if self._send_timeout is not None and waited >= self._send_timeout:
            return False
        if descriptor is None:
            self._sleep(_LOOK_AGAIN_SECONDS)
            return True
        try:
            self._wait_write(descriptor, self._send_timeout)
        except TimeoutError:
            return False
        return True

    def kill(self, greenlets: Iterable[Any]) -> None:
        """Raises ``GreenletExit`` in each, soon."""
        self._killall(list(greenlets), block=False)

    def wait(self) -> None:
        """Lets the hub run until :meth:`stop`."""
        self._over.wait()

    def stop(self) -> None:
        self._over.set()

    def close(self) -> None:
        """Nothing is called any more."""
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()

    def _start(self, watcher: Any, callback: Callable[[], None]) -> None:
        watcher.start(callback)
        # One that nobody holds is closed.
        self._watchers.append(watcher)
