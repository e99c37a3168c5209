"""What an ASGI worker does on its loop beside requests, which are the extension's: the
application's lifespan, and leaving nothing behind at the end."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["Lifespan", "awaited", "close", "makes_coroutines", "on_loop_error"]

Log = Callable[[str, str], None]
Message = MutableMapping[str, Any]


class Lifespan:
    """The application's startup and shutdown (ASGI lifespan 2.0).

    ``mode`` is the setting ``asgi_lifespan``. With ``auto`` an application that raises at
    the sight of the scope does without; one that raises later was perhaps not ready.
    """

    def __init__(self, app: Callable[..., Any], mode: str, log: Log) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._mode = mode
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._is_asked = False
        # What the application answered to the startup.
        self._is_up = False
        self._failure: str | None = None

    @property
    def failure(self) -> str:
        """Why the application cannot be started, in one line."""
        lines = (self._failure or "").strip().splitlines()
        return lines[-1] if lines else "it did not say why"

    async def startup(self) -> bool:
        """Waits until the application is ready; ``False`` where it cannot be, which has
        been logged."""
        if self._mode == "off":
            return True
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lifespan")
        await self._inbox.put({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failure is None:
            return True
        self._log("error", f"Application startup failed: {self._failure}".rstrip(": "))
        return False

    async def shutdown(self) -> None:
        """Lets the application end what it began."""
        if self._task is None or not self._is_up:
            return
        if not self._task.done():
            await self._inbox.put({"type": "lifespan.shutdown"})
        await self._stopped.wait()

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await awaited(self._app(scope, self._receive, self._send))
            if self._mode == "on" and not self._started.is_set():
                self._failure = "it returned without an answer to lifespan.startup"
        except Exception as error:
            self._raised(error)
        finally:
            self._started.set()
            self._stopped.set()

    def _raised(self, error: Exception) -> None:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        if self._failure is not None:
            # It has said so already.
            return
        if self._is_up:
            self._log("error", f"Exception in the application's lifespan\n{trace.rstrip()}")
        elif self._mode == "on":
            self._failure = f"\n{trace.rstrip()}"
        elif self._is_asked:
            why = "".join(traceback.format_exception_only(type(error), error)).strip()
            self._log(
                "warning",
                f"The application raised at lifespan.startup ({why}) and is served without a "
                "lifespan; `--asgi-lifespan on` keeps it from being served",
            )
            self._log("debug", trace.rstrip())
        else:
            self._log("debug", f"The application has no lifespan:\n{trace.rstrip()}")

    async def _receive(self) -> Message:
        message = await self._inbox.get()
        self._is_asked = True
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete" and not self._started.is_set():
            self._is_up = True
            self._started.set()
        elif kind == "lifespan.startup.failed" and not self._started.is_set():
            self._failure = str(message.get("message", ""))
            self._started.set()
        elif kind == "lifespan.shutdown.complete" and self._is_up:
            self._stopped.set()
        elif kind == "lifespan.shutdown.failed" and self._is_up:
            text = f"Application shutdown failed: {message.get('message', '')}"
            self._log("error", text.rstrip(": "))
            self._stopped.set()
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")


async def awaited(awaitable: Awaitable[Any]) -> Any:
    """What is no coroutine, but can be awaited, as a coroutine."""
    return await awaitable


def on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A loop's exception handler. A signal handler that ends the worker may run in the
    midst of a task: that the task ends with it is nothing to report."""
    if not isinstance(context.get("exception"), (SystemExit, KeyboardInterrupt)):
        loop.default_exception_handler(context)


def makes_coroutines(app: Callable[..., Any]) -> bool:
    """Whether calling the application runs nothing of it."""
    call = getattr(app, "__call__", app)  # noqa: B004
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(call)


def close(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what still runs on a loop, and the loop, as ``asyncio.run`` does."""
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
